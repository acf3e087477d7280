"""How an answer becomes the schema of a model's input, the same for each provider."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from generations.providers.base import ProviderUnavailable

BYTES_MAX = 1_000_000
DEPTH_MAX = 12


def found(response: httpx.Response, pick: Callable[[Any], Any]) -> dict[str, Any]:
    """What `pick` takes out of the JSON; empty for a 404. Raises ProviderUnavailable for all else."""
    if response.status_code == httpx.codes.NOT_FOUND:
        return {}
    try:
        body = json.loads(response.content) if len(response.content) <= BYTES_MAX else None
        schema = pick(body)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        schema = None
    if response.status_code != httpx.codes.OK or not isinstance(schema, dict) or not schema:
        raise ProviderUnavailable(f"status {response.status_code} without a schema")
    return schema


def inlined(schema: Any, document: Any, depth: int = 0) -> Any:
    """The schema with what it refers to in its document put in its place. Raises LookupError or ValueError."""
    if depth > DEPTH_MAX:
        raise ValueError("the schema refers to itself")
    if isinstance(schema, list):
        return [inlined(one, document, depth + 1) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(reference := schema.get("$ref"), str):
        there = document
        for name in reference.removeprefix("#/").split("/"):
            there = there[name]
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return {**inlined(there, document, depth + 1), **beside}
    return {name: inlined(value, document, depth + 1) for name, value in schema.items()}


def client(
    url: str, headers: dict[str, str], transport: httpx.BaseTransport | None
) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers=headers, timeout=20, transport=transport, follow_redirects=False
    )


def get(client: httpx.Client, path: str, params: dict[str, str] | None = None) -> httpx.Response:
    """Raises ProviderUnavailable."""
    try:
        return client.get(path, params=params)
    except httpx.HTTPError as error:
        raise ProviderUnavailable(type(error).__name__) from error
