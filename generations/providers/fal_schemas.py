"""What fal offers: the OpenAPI document of a model, as its model pages name it. Nothing is asked for or sold here."""

from typing import Any

import httpx

from generations.providers import live_schemas


class FalSchemas:
    """`GET /api/openapi/queue/openapi.json?endpoint_id=` of the site; the key is sent, and not needed."""

    def __init__(self, url: str, key: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._client = live_schemas.client(url, {"Authorization": f"Key {key}"}, transport)

    def schema(self, slug: str) -> dict[str, Any]:
        response = live_schemas.get(
            self._client, "/api/openapi/queue/openapi.json", {"endpoint_id": slug}
        )
        return live_schemas.found(response, _input)


def _input(document: Any) -> Any:
    """The body of the one POST. Its path need not be the model's name: an alias answers, too."""
    (body,) = [
        path["post"]["requestBody"]["content"]["application/json"]["schema"]
        for path in document["paths"].values()
        if "post" in path
    ]
    return live_schemas.inlined(body, document)
