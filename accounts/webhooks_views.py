"""The pages that show webhook endpoints and deliveries: parse, call, render. What changes them stands in
webhook_changes_views."""

import inspect
import json
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import (
    courier,
    deliveries,
    pages,
    roles,
    secrets_at_rest,
    webhook_endpoints,
    webhook_verification,
)
from accounts.models import Delivery, Membership, WebhookEndpoint, WebhookSecret

PIECE, LATEST = 20, 10
FRESH = "fresh_sealed_webhook_secret"  # in the session, sealed, until it was shown once
STATES = (
    (Delivery.State.SUCCEEDED, "delivered"),
    (Delivery.State.PENDING, "waiting"),
    (Delivery.State.DEAD, "given up"),
)


@require_GET
@never_cache
@pages.for_members
def webhooks_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    pages.require(roles.can_manage_keys(membership))
    organization = membership.organization
    endpoints = list(webhook_endpoints.of(organization).order_by("id"))
    rates = webhook_endpoints.success_rates(endpoints)
    own = WebhookSecret.objects.filter(organization=organization, endpoint=None, expires_at=None)
    context = {
        "endpoints": [{"row": one, **_rate(rates.get(one.id, (0, 0)))} for one in endpoints],
        "is_full": len(endpoints) >= webhook_endpoints.ENDPOINTS_MAX,
        "endpoints_max": webhook_endpoints.ENDPOINTS_MAX,
        "own_secret": own.first(),
        "fresh": _take_secret(request, organization.id),
        "verification": inspect.getsource(webhook_verification).split("\n\n", 1)[1].strip(),
        "sample": _sample(),
        **_deliveries(membership, "", "", limit=LATEST),
    }
    return render(request, "accounts/webhooks.html", context)


@require_GET
@never_cache
@pages.for_members
def endpoint_page(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    endpoint = endpoint_of(membership, id)
    context = {
        "endpoint": endpoint,
        "fresh": _take_secret(request, endpoint.id),
        "secrets": endpoint.secrets.filter(expires_at__gt=timezone.now()).order_by("-id"),
        **_rate(webhook_endpoints.success_rates([endpoint]).get(endpoint.id, (0, 0))),
        **_deliveries(membership, endpoint.id, "", limit=LATEST),
    }
    return render(request, "accounts/webhook_endpoint.html", context)


@require_GET
@pages.for_members
def deliveries_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Every delivery, filtered by `?endpoint=` and `?state=`, in pieces."""
    pages.require(roles.can_manage_keys(membership))
    endpoint, state = request.GET.get("endpoint", ""), request.GET.get("state", "")
    cursor = request.GET.get("cursor", "")
    context = {
        "all_endpoints": webhook_endpoints.of(membership.organization).order_by("id"),
        "states": STATES,
        "is_first": not cursor,
        "is_filtered": bool(endpoint or state),
        **_deliveries(membership, endpoint, state, limit=PIECE, cursor=cursor),
    }
    if cursor and request.htmx:  # type: ignore[attr-defined]
        return render(request, "accounts/deliveries/piece.html", context)
    return render(request, "accounts/deliveries.html", context)


@require_GET
@pages.for_members
def deliveries_live(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The newest deliveries as they stand now, for a page that is open."""
    pages.require(roles.can_manage_keys(membership))
    context = _deliveries(membership, request.GET.get("endpoint", ""), "", limit=LATEST)
    return render(request, "accounts/deliveries/table.html", context)


@require_GET
@pages.for_members
def delivery_page(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    """What was sent, and each answer."""
    delivery = delivery_of(membership, id)
    message = json.loads(courier.body(delivery))
    context = {
        "delivery": delivery,
        "attempts": list(delivery.attempts.order_by("-id")),
        "body": json.dumps(message, indent=2, ensure_ascii=False),
        "can_resend": not delivery.endpoint
        or not (delivery.endpoint.disabled_at or delivery.endpoint.deleted_at),
    }
    is_part = bool(request.htmx)  # type: ignore[attr-defined]
    template = "accounts/delivery/body.html" if is_part else "accounts/delivery.html"
    return render(request, template, context)


def endpoint_of(membership: Membership, id: str) -> WebhookEndpoint:
    pages.require(roles.can_manage_keys(membership))
    return get_object_or_404(webhook_endpoints.of(membership.organization), pk=id)


def delivery_of(membership: Membership, id: str) -> Delivery:
    pages.require(roles.can_manage_keys(membership))
    return get_object_or_404(
        deliveries.of(membership.organization).select_related("event", "endpoint"), pk=id
    )


def _of(membership: Membership) -> QuerySet[Delivery]:
    rows = deliveries.of(membership.organization)
    return rows.select_related("event", "endpoint").defer("event__data")


def _deliveries(
    membership: Membership, endpoint: str, state: str, *, limit: int, cursor: str = ""
) -> dict[str, Any]:
    """What the table of deliveries needs. An endpoint that is not theirs has none."""
    rows = _of(membership).prefetch_related("attempts")
    if endpoint:
        rows = rows.filter(endpoint=None if endpoint == "own" else endpoint)
    if state == Delivery.State.PENDING:
        rows = rows.filter(state__in=[Delivery.State.PENDING, Delivery.State.SENDING])
    elif state:
        rows = rows.filter(state=state)
    asked = {"endpoint": endpoint, "state": state}
    return {
        "piece": pages.piece(rows, cursor, limit=limit),
        "asked": asked,
        "query": urlencode({name: value for name, value in asked.items() if value}),
        "is_live": limit == LATEST,
    }


def _rate(rate: tuple[int, int]) -> dict[str, Any]:
    ended, arrived = rate
    return {
        "ended": ended,
        "arrived": arrived,
        "percent": f"{100 * arrived / ended:.1f}" if ended else "",
    }


def keep_secret(request: HttpRequest, id: str, secret: str) -> None:
    request.session[FRESH] = {"id": id, "sealed": secrets_at_rest.encrypt(secret)}


def _take_secret(request: HttpRequest, id: str) -> str:
    """The secret that was just made, once; its page is kept by no cache."""
    kept = request.session.get(FRESH)
    if not kept or kept["id"] != id:
        return ""
    del request.session[FRESH]
    return secrets_at_rest.decrypt(kept["sealed"])


def _sample() -> str:
    return (
        f"curl {settings.PUBLIC_URL}/api/v1/webhook-endpoints \\\n"
        '  -H "Authorization: Bearer $SEEDANCE_API_KEY" \\\n'
        '  -d \'{"url": "https://your.server/seedance", "types": ["generation.succeeded"]}\''
    )
