"""The generations of the native API: parse, call, render."""

import re
import time
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys, idempotency
from generations import (
    allowances,
    catalog,
    erasing,
    lifecycle,
    presentation,
    quotes,
    rate_cards,
    receipts,
    requests,
)
from generations.allowances import Allowance
from generations.models import Generation
from generations.pricing import RateCard
from generations.states import FINAL, PUBLIC
from seedance_saas.api import body_of, page
from seedance_saas.errors import InvalidRequest, NotFound

WAIT_SECONDS_MAX = 60
WAIT_STEP_SECONDS = 0.25


def of_caller(request: Request) -> QuerySet[Generation]:
    """Every query of this file starts here: the generations of the key's organization."""
    return Generation.objects.filter(organization=api_keys.of(request).organization)


class GenerationList(APIView):
    """GET and POST /generations."""

    scopes: ClassVar[dict[str, str]] = {"GET": "generations:read", "POST": "generations:write"}

    def get(self, request: Request) -> Response:
        rows = _filtered(request)
        return Response(page(request, rows, presentation.as_dict, read_key=_id))

    def post(self, request: Request) -> Response:
        key = api_keys.of(request)
        wanted = requests.read(body_of(request))
        wait_seconds = _wait_seconds(request)
        claim = idempotency.claim(request, key.organization)

        def create() -> Response:
            generations = lifecycle.create_generations(
                key.organization,
                wanted,
                api_key=key,
                member=key.member,
                also=lambda made: [claim.record(201, _body(made))] if claim else [],
            )
            if wait_seconds:
                deadline = time.monotonic() + wait_seconds
                generations = [_wait_for(one, deadline) for one in generations]
            return Response(_body(generations), status=201, headers=_location(generations))

        return idempotency.answer_once(claim, create)


class GenerationDetail(APIView):
    """GET and DELETE /generations/{id}. DELETE erases prompt, inputs and media; the receipt stays."""

    scopes: ClassVar[dict[str, str]] = {"GET": "generations:read", "DELETE": "generations:write"}

    def get(self, request: Request, id: str) -> Response:
        generation = get_object_or_404(of_caller(request), pk=id)
        return Response(presentation.as_dict(generation, with_queue=True))

    def delete(self, request: Request, id: str) -> Response:
        erasing.erase(get_object_or_404(of_caller(request), pk=id))
        return Response(status=204)


class GenerationCancel(APIView):
    """POST /generations/{id}/cancel. Idempotent by nature: it has no need of a key."""

    scopes: ClassVar[dict[str, str]] = {"POST": "generations:write"}

    def post(self, request: Request, id: str) -> Response:
        generation = get_object_or_404(of_caller(request), pk=id)
        return Response(presentation.as_dict(lifecycle.cancel(generation), with_queue=True))


class GenerationReceipt(APIView):
    """GET /generations/{id}/receipt."""

    scopes: ClassVar[dict[str, str]] = {"GET": "generations:read"}

    def get(self, request: Request, id: str) -> Response:
        return Response(receipts.receipt(get_object_or_404(of_caller(request), pk=id)))


class QuoteList(APIView):
    """POST /quotes: the body of a generation, and what it would cost. Holds nothing."""

    scopes: ClassVar[dict[str, str]] = {"POST": "generations:write"}

    def post(self, request: Request) -> Response:
        key = api_keys.of(request)
        wanted = requests.read(body_of(request))
        claim = idempotency.claim(request, key.organization)

        def create() -> Response:
            quote = quotes.of(key.organization, wanted, api_key=key, member=key.member)
            outlook = quotes.outlook(
                quote,
                api_key_id=key.id,
                member_id=key.member_id or "",
                end_user_id=wanted.end_user_id,
            )
            body = quotes.as_dict(quote, outlook)
            quotes.keep(quote, *([claim.record(201, body)] if claim else []))
            return Response(body, status=201)

        return idempotency.answer_once(claim, create)


class ModelList(APIView):
    """GET /models."""

    scopes: ClassVar[dict[str, str]] = {"GET": "generations:read"}

    def get(self, request: Request) -> Response:
        card, allowance = _rates(request), _allowance(request)
        rows = [presentation.model_as_dict(model, card, allowance) for model in catalog.MODELS]
        return Response({"data": rows, "next_cursor": None})


class ModelDetail(APIView):
    """GET /models/{slug}: our slug, or any upstream's."""

    scopes: ClassVar[dict[str, str]] = {"GET": "generations:read"}

    def get(self, request: Request, slug: str) -> Response:
        model = catalog.find(slug)
        if model is None:
            raise NotFound("There is no such model.")
        return Response(presentation.model_as_dict(model, _rates(request), _allowance(request)))


def _rates(request: Request) -> RateCard:
    return rate_cards.for_organization(api_keys.of(request).organization, timezone.now())


def _allowance(request: Request) -> Allowance:
    key = api_keys.of(request)
    return allowances.of(key.organization, api_key=key, member=key.member)


def _body(generations: list[Generation]) -> dict[str, Any]:
    rows = [presentation.as_dict(generation) for generation in generations]
    return rows[0] if len(rows) == 1 else {"data": rows}


def _location(generations: list[Generation]) -> dict[str, str]:
    if len(generations) > 1:
        return {}
    return {"Location": f"/api/v1/generations/{generations[0].id}"}


def _wait_seconds(request: Request) -> int:
    """`Prefer: wait=N` (RFC 7240): how long the caller likes to wait for the end; 0 without it."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.lower() == "wait" and value.isascii() and value.isdigit():
            return min(int(value[:4]), WAIT_SECONDS_MAX)
    return 0


def _wait_for(generation: Generation, deadline: float) -> Generation:
    while time.monotonic() < deadline and generation.state not in FINAL:
        time.sleep(WAIT_STEP_SECONDS)
        generation.refresh_from_db()
    return generation


def _filtered(request: Request) -> QuerySet[Generation]:
    """The caller's generations as the query string narrows them. An unknown filter is an error, not ignored."""
    rows = of_caller(request)
    for name, value in request.query_params.dict().items():
        if name == "status":
            if value not in PUBLIC:
                raise InvalidRequest(
                    f"status must be one of: {', '.join(PUBLIC)}.",
                    param="status",
                    allowed=list(PUBLIC),
                )
            rows = rows.filter(state__in=PUBLIC[value])
        elif name == "model":
            model = catalog.find(value)
            rows = rows.filter(model=model.slug) if model else rows.none()
        elif name == "end_user_id":
            rows = rows.filter(end_user_id=value)
        elif name == "api_key":
            rows = rows.filter(api_key_id=value)
        elif name in {"created_after", "created_before"}:
            lookup = "created_at__gt" if name == "created_after" else "created_at__lt"
            rows = rows.filter(**{lookup: _time(name, value)})
        elif name.startswith("metadata[") and name.endswith("]"):
            rows = rows.filter(metadata__contains={name[len("metadata[") : -1]: value})
        elif name not in {"limit", "cursor"}:
            raise InvalidRequest(f"There is no filter {name[:50]!r}.", param=name[:50])
    return rows


def _id(cursor: str) -> str:
    if not re.fullmatch(r"gen_[0-9a-f]{32}", cursor):
        raise ValueError(cursor)
    return cursor


def _time(name: str, value: str) -> Any:
    try:
        at = parse_datetime(value)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidRequest(
            f"{name} must be a time with its offset, like 2026-06-01T00:00:00Z.", param=name
        )
    return at
