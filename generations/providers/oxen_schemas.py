"""What Oxen offers: the models of its reference. Nothing is asked for or sold here."""

from typing import Any

import httpx

from generations.providers import live_schemas


class OxenSchemas:
    """`GET /ai/models/{id}`, an entry of `GET /ai/models` in whole."""

    def __init__(self, url: str, key: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._client = live_schemas.client(url, {"Authorization": f"Bearer {key}"}, transport)

    def schema(self, slug: str) -> dict[str, Any]:
        return live_schemas.found(live_schemas.get(self._client, f"/ai/models/{slug}"), _input)


def _input(model: Any) -> Any:
    """Its page on models says request_schema, the pages of each model json_request_schema."""
    schema = model.get("request_schema") or model["json_request_schema"]
    return live_schemas.inlined(schema, schema)
