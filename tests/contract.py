"""Every answer that a test gets from the API is held against the published description."""

import functools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from django.test import Client
from django.urls import Resolver404
from openapi_schema_validator import OAS31Validator

from generations.openapi import document
from generations.openapi.operations import OPERATIONS

ROOT = "/api/v1/"


class ApiClient(Client):
    """A client that takes no answer of the API that is not as described."""

    def request(self, **environ: Any) -> Any:
        answer = super().request(**environ)
        if environ["PATH_INFO"].startswith(ROOT):
            check(answer)
        return answer


def check(answer: Any) -> None:
    """It has a status that is described, and every field of that and no other; a refusal looks as all do."""
    method = answer.wsgi_request.method.lower()
    if method in ("head", "options"):
        return
    try:
        route = document.path_of(answer.resolver_match.route.removeprefix(ROOT[1:]))
    except Resolver404:
        route = ""
    status = str(answer.status_code) if answer.status_code < 400 else "default"
    is_refusal = status == "default"
    if validator := of_schema("Error") if is_refusal else of_answer(method, route, status):
        assert faults(validator, answer.json()) == [], (method, route, status)
    else:
        assert answer.streaming or not answer.content, (method, route, status)


def faults(validator: OAS31Validator, value: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:200]}"
        for fault in validator.iter_errors(value)
    ]


@functools.cache
def of_answer(method: str, route: str, status: str) -> OAS31Validator | None:
    """Of what the call answers; None where no JSON is described."""
    described = _without_more()
    said = described["paths"][route][method]["responses"][status]
    schema = said.get("content", {}).get("application/json", {}).get("schema")
    return OAS31Validator(schema | {"components": described["components"]}) if schema else None


@functools.cache
def of_schema(name: str) -> OAS31Validator:
    components = _without_more()["components"]
    return OAS31Validator(components["schemas"][name] | {"components": components})


@functools.cache
def _without_more() -> Any:
    """The description, in which no object may have a field that is not described. Clients are told not to mind."""

    def closed(said: Any) -> Any:
        if isinstance(said, list):
            return [closed(one) for one in said]
        if not isinstance(said, dict):
            return said
        said = {name: closed(one) for name, one in said.items()}
        if isinstance(said.get("properties"), dict) and "type" in said:
            said.setdefault("additionalProperties", False)
        return said

    return closed(document.build())


# What stands in an address, by its room, and where it must be another.
_NAMES_BY_PATH = {
    "/generations/{id}/cancel": "queued",
    "/api-keys/{id}/rotate": "deploy_key",
    "/uploads/direct/{id}/complete": "stored",
}
_NAMES_BY_ROOM = {
    "generations": "generation", "models": "model", "statements": "statement", "purchases": "purchase",
    "invoices": "invoice", "end-users": "end_user", "events": "event", "api-keys": "key",
    "webhook-endpoints": "endpoint", "deliveries": "delivery", "uploads": "upload", "budgets": "membership",
}  # fmt: skip
# The least that each body may have.
GOOD: dict[str, dict[str, Any]] = {
    "GenerationRequest": {"model": "seedance-2.0-fast-text-to-video", "prompt": "a kite", "duration": 4},
    "ApiKeyRequest": {"name": "k"},
    "BudgetChange": {"limit_usd": "1"},
    "WebhookEndpointRequest": {"url": "https://hooks.acme.example/x"},
    "WebhookEndpointChange": {},
    "Rotation": {},
    "Replay": {"since": "2026-01-01T00:00:00Z"},
    "DirectUploadRequest": {"bytes": 5},
}  # fmt: skip


def paths(names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each method that is described with its address, in which something of `World.names` stands."""
    for method, path in OPERATIONS:
        name = _NAMES_BY_PATH.get(path) or _NAMES_BY_ROOM.get(path.split("/")[1], "")
        ours = (
            path.replace("{scope}", "member").replace("{of}", "developer").replace("{slug}", "{id}")
        )
        yield method, ours.replace("{id}", quote(names.get(name, ""), safe="/"))
