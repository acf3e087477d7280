"""Webhook endpoints and deliveries in the native API: parse, call, render. The verbs are those of the pages."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys, deliveries, idempotency, webhook_endpoints
from accounts import webhooks_presentation as presentation
from accounts.models import Delivery, WebhookEndpoint
from seedance_saas.api import body_of, moment, page, read_moment, require_known
from seedance_saas.errors import InvalidRequest
from seedance_saas.requests import client_address

FIELDS = ("url", "types", "description")


class EndpointList(APIView):
    """GET and POST /webhook-endpoints. The secret is in the answer to POST, and nowhere else."""

    scopes: ClassVar[dict[str, str]] = {"GET": "webhooks:read", "POST": "webhooks:write"}

    def get(self, request: Request) -> Response:
        rows = webhook_endpoints.of(api_keys.of(request).organization)
        rates = webhook_endpoints.success_rates(rows)  # ten endpoints at most
        return Response(
            page(request, rows, lambda row: presentation.endpoint(row, rates.get(row.id, (0, 0))))
        )

    def post(self, request: Request) -> Response:
        fields = _read(request, FIELDS)

        def create() -> dict[str, Any]:
            endpoint, secret = webhook_endpoints.create(
                api_keys.of(request).organization,
                url=fields.get("url"),
                types=fields.get("types"),
                description=fields.get("description", ""),
                **_who(request),
            )
            return presentation.endpoint(endpoint) | {"secret": secret}

        organization = api_keys.of(request).organization
        return idempotency.once(
            request, organization, create, status=201, made_in="/api/v1/webhook-endpoints"
        )


class EndpointDetail(APIView):
    """GET, PATCH and DELETE /webhook-endpoints/{id}. PATCH {"enabled": false} switches it off, true on."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "webhooks:read",
        "PATCH": "webhooks:write",
        "DELETE": "webhooks:write",
    }

    def get(self, request: Request, id: str) -> Response:
        return Response(_shown(_endpoint(request, id)))

    def patch(self, request: Request, id: str) -> Response:
        endpoint = _endpoint(request, id)
        fields = _read(request, (*FIELDS, "enabled"))
        enabled = fields.pop("enabled", None)
        if enabled is not None and not isinstance(enabled, bool):
            raise InvalidRequest("enabled must be true or false.", param="enabled")
        with transaction.atomic():
            webhook_endpoints.change(endpoint, fields, **_who(request))
            if enabled is True:
                webhook_endpoints.enable(endpoint, **_who(request))
            elif enabled is False:
                webhook_endpoints.disable(endpoint, **_who(request))
        return Response(_shown(_endpoint(request, id)))

    def delete(self, request: Request, id: str) -> Response:
        webhook_endpoints.delete(_endpoint(request, id), **_who(request))
        return Response(status=204)


class EndpointRotateSecret(APIView):
    """POST /webhook-endpoints/{id}/rotate-secret. The id `default` is the secret behind every `webhook_url`."""

    scopes: ClassVar[dict[str, str]] = {"POST": "webhooks:write"}

    def post(self, request: Request, id: str) -> Response:
        organization = api_keys.of(request).organization
        endpoint = None if id == "default" else _endpoint(request, id)
        seconds = webhook_endpoints.check_overlap(
            _read(request, ("overlap_seconds",)).get("overlap_seconds")
        )

        def rotate() -> dict[str, Any]:
            secret, until = webhook_endpoints.rotate_secret(
                organization, endpoint, overlap_seconds=seconds, **_who(request)
            )
            return {"id": id, "secret": secret, "old_secrets_expire_at": moment(until)}

        return _once(request, rotate)


class EndpointTest(APIView):
    """POST /webhook-endpoints/{id}/test: an event of type `webhook.test` to this endpoint alone."""

    scopes: ClassVar[dict[str, str]] = {"POST": "webhooks:write"}

    def post(self, request: Request, id: str) -> Response:
        endpoint = _endpoint(request, id)
        _read(request, ())
        return _once(request, lambda: presentation.delivery(deliveries.test(endpoint)), status=202)


class EndpointReplay(APIView):
    """POST /webhook-endpoints/{id}/replay: what it missed since a moment; with `include_succeeded` everything."""

    scopes: ClassVar[dict[str, str]] = {"POST": "webhooks:write"}

    def post(self, request: Request, id: str) -> Response:
        endpoint = _endpoint(request, id)
        fields = _read(request, ("since", "include_succeeded"))
        since = read_moment(fields.get("since"), param="since")
        everything = fields.get("include_succeeded", False)
        if not isinstance(everything, bool):
            raise InvalidRequest(
                "include_succeeded must be true or false.", param="include_succeeded"
            )

        def replay() -> dict[str, Any]:
            return {"replayed": deliveries.replay(endpoint, since, include_succeeded=everything)}

        return _once(request, replay, status=202)


class EndpointDeliveries(APIView):
    """GET /webhook-endpoints/{id}/deliveries?status=: newest first, each with its attempts."""

    scopes: ClassVar[dict[str, str]] = {"GET": "webhooks:read"}

    def get(self, request: Request, id: str) -> Response:
        endpoint = _endpoint(request, id)
        rows = _deliveries(request).filter(endpoint=endpoint)
        if "status" in request.query_params:
            status = request.query_params["status"]
            if status not in Delivery.State.values:
                raise InvalidRequest(
                    f"status must be one of: {', '.join(Delivery.State.values)}.",
                    param="status",
                    allowed=Delivery.State.values,
                )
            rows = rows.filter(state=status)
        return Response(page(request, rows, presentation.delivery, filters=("status",)))


class DeliveryDetail(APIView):
    """GET /deliveries/{id}, to an endpoint or to a request's own `webhook_url`."""

    scopes: ClassVar[dict[str, str]] = {"GET": "webhooks:read"}

    def get(self, request: Request, id: str) -> Response:
        return Response(presentation.delivery(get_object_or_404(_deliveries(request), pk=id)))


class DeliveryResend(APIView):
    """POST /deliveries/{id}/resend: once more, now, with all tries before it."""

    scopes: ClassVar[dict[str, str]] = {"POST": "webhooks:write"}

    def post(self, request: Request, id: str) -> Response:
        delivery = get_object_or_404(_deliveries(request), pk=id)
        _read(request, ())
        return _once(
            request, lambda: presentation.delivery(deliveries.resend(delivery)), status=202
        )


def _endpoint(request: Request, id: str) -> WebhookEndpoint:
    return get_object_or_404(webhook_endpoints.of(api_keys.of(request).organization), pk=id)


def _deliveries(request: Request) -> QuerySet[Delivery]:
    rows = deliveries.of(api_keys.of(request).organization)
    return rows.select_related("event", "endpoint").prefetch_related("attempts")


def _shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    rates = webhook_endpoints.success_rates([endpoint])
    return presentation.endpoint(endpoint, rates.get(endpoint.id, (0, 0)))


def _read(request: Request, allowed: tuple[str, ...]) -> dict[str, Any]:
    body = body_of(request)
    require_known(body, allowed)
    return dict(body)


def _who(request: Request) -> dict[str, Any]:
    return {"api_key": api_keys.of(request), "address": client_address(request)}


def _once(request: Request, work: Callable[[], dict[str, Any]], *, status: int = 200) -> Response:
    return idempotency.once(request, api_keys.of(request).organization, work, status=status)
