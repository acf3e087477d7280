"""What an organization was told, in the native API: parse, call, render."""

import re
from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys, webhooks
from accounts.models import Event
from seedance_saas.api import moment, page
from seedance_saas.errors import InvalidRequest


class EventList(APIView):
    """GET /events?type=: the last 30 days, newest first. `type` is one, or all of a kind: `balance.*`."""

    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}

    def get(self, request: Request) -> Response:
        rows = webhooks.events_of(api_keys.of(request).organization)
        if "type" in request.query_params:
            rows = rows.filter(type__in=_types(request.query_params["type"]))
        return Response(page(request, rows, event, read_key=_id, filters=("type",)))


class EventDetail(APIView):
    """GET /events/{id}."""

    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}

    def get(self, request: Request, id: str) -> Response:
        events = webhooks.events_of(api_keys.of(request).organization)
        return Response(event(get_object_or_404(events, pk=id)))


def event(event: Event) -> dict[str, Any]:
    """The same type, timestamp and data that a delivery has."""
    return {
        "id": event.id,
        "object": "event",
        "type": event.type,
        "timestamp": moment(event.created_at),
        "data": event.data,
        "created_at": moment(event.created_at),
    }


def _types(value: str) -> list[str]:
    types = [type for type in webhooks.TYPES if value in (type, f"{type.split('.')[0]}.*")]
    if not types:
        raise InvalidRequest(
            "type must be the type of an event, or all of a kind, like balance.*.",
            param="type",
            allowed=list(webhooks.TYPES),
        )
    return types


def _id(cursor: str) -> str:
    if not re.fullmatch(r"evt_[0-9a-f]{32}", cursor):
        raise ValueError(cursor)
    return cursor
