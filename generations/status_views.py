"""The page that says what works, for everybody."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from generations import service_status


@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """GET /status. It opens no session: who asks makes no difference, but for the theme."""
    context = {"status": service_status.now(), "look": None}
    answer = render(request, "docs/status.html", context)
    patch_cache_control(answer, public=True, max_age=int(service_status.CACHE_SECONDS))
    patch_vary_headers(answer, ["Cookie"])
    return answer
