"""The description for programs and, as a page, for people."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from generations.openapi import document, reading
from seedance_saas.api import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX


@require_safe
def openapi_json(request: HttpRequest) -> HttpResponse:
    """GET /api/v1/openapi.json: for everybody, no key needed."""
    answer = JsonResponse(document.build())
    answer["Cache-Control"] = "public, max-age=300"
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


@require_safe
def api_page(request: HttpRequest) -> HttpResponse:
    """GET /docs/api"""
    described = document.build()
    context: dict[str, Any] = {
        "groups": reading.groups(described),
        "root": described["servers"][0]["url"],
        "limit_default": PAGE_LIMIT_DEFAULT,
        "limit_max": PAGE_LIMIT_MAX,
        "requests_a_minute": settings.API_REQUESTS_PER_MINUTE,
    }
    return render(request, "docs/api.html", context)
