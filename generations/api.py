"""The generations of the native API: parse, call, render."""

import re
import threading
import time
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
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
from seedance_saas.api import body_of, page, read_moment, require_known
from seedance_saas.errors import InvalidRequest, NotFound

LIST = "/api/v1/generations"
WAIT_SECONDS_MAX = 60
WAIT_STEP_SECONDS = 0.25
# So many requests may wait in a web process: its other threads (of four, as `make run` starts it) answer the rest.
_places_to_wait = threading.BoundedSemaphore(2)
FILTERS = ("status", "model", "end_user_id", "api_key", "created_after", "created_before")


def of_caller(request: Request) -> QuerySet[Generation]:
    """Every query of this file starts here: the generations of the key's organization."""
    return Generation.objects.filter(organization=api_keys.of(request).organization)


class GenerationList(APIView):
    """GET and POST /generations."""

    scopes: ClassVar[dict[str, str]] = {"GET": "generations:read", "POST": "generations:write"}

    def get(self, request: Request) -> Response:
        filters = _filters(request)
        rows = _filtered(of_caller(request), filters)
        return Response(
            page(request, rows, presentation.as_dict, read_key=_id, filters=[*FILTERS, *filters])
        )

    def post(self, request: Request) -> Response:
        key = api_keys.of(request)
        wanted = requests.read(body_of(request))
        wait_seconds = _wait_seconds(request)
        claim = idempotency.claim(request, key.organization, location=LIST)

        def create() -> Response:
            generations = lifecycle.create_generations(
                key.organization,
                wanted,
                api_key=key,
                member=key.member,
                also=lambda made: [claim.record(201, _body(made))] if claim else [],
            )
            if wait_seconds:
                _wait_for(generations, time.monotonic() + wait_seconds)
            body = _body(generations)
            return Response(body, status=201, headers=idempotency.location(LIST, body))

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
    """POST /generations/{id}/cancel. A repeat changes nothing, with an Idempotency-Key or without one."""

    scopes: ClassVar[dict[str, str]] = {"POST": "generations:write"}

    def post(self, request: Request, id: str) -> Response:
        require_known(body_of(request), ())
        generation = get_object_or_404(of_caller(request), pk=id)

        def cancel() -> dict[str, Any]:
            return presentation.as_dict(lifecycle.cancel(generation), with_queue=True)

        organization = api_keys.of(request).organization
        return idempotency.once_then_remember(request, organization, cancel)


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


def _wait_seconds(request: Request) -> int:
    """`Prefer: wait=N` (RFC 7240): how long the caller likes to wait for the end; 0 without it."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.lower() == "wait" and value.isascii() and value.isdigit():
            return min(int(value[:4]), WAIT_SECONDS_MAX)
    return 0


def _wait_for(generations: list[Generation], deadline: float) -> None:
    """Until all have ended, or the deadline; not at all where others wait in every place for it."""
    if not _places_to_wait.acquire(blocking=False):
        return
    try:
        for generation in generations:
            while time.monotonic() < deadline and generation.state not in FINAL:
                time.sleep(WAIT_STEP_SECONDS)
                generation.refresh_from_db()
    finally:
        _places_to_wait.release()


def _filters(request: Request) -> dict[str, str]:
    """What of the query string narrows the list: FILTERS, and `metadata[key]` for any key."""
    return {
        name: value
        for name, value in request.query_params.dict().items()
        if name in FILTERS or (name.startswith("metadata[") and name.endswith("]"))
    }


def _filtered(rows: QuerySet[Generation], filters: dict[str, str]) -> QuerySet[Generation]:
    for name, value in filters.items():
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
            rows = rows.filter(**{lookup: read_moment(value, param=name)})
        else:
            rows = rows.filter(metadata__contains={name[len("metadata[") : -1]: value})
    return rows


def _id(cursor: str) -> str:
    if not re.fullmatch(r"gen_[0-9a-f]{32}", cursor):
        raise ValueError(cursor)
    return cursor
