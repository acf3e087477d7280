"""POST /v1/upload/presign, the PUT that follows it, and DELETE /v1/files/{id} (EachLabs docs, storage)."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from seedance_saas.simulators.eachlabs.answers import Refusal, require_key
from seedance_saas.simulators.hosted import BYTES_MAX, SECONDS_DEFAULT
from seedance_saas.simulators.wire import json_object, json_response
from seedance_saas.simulators.world import World

FILE_TYPES = ("image", "video", "audio")
META = "x-amz-meta-file-id"


def routes(world: World) -> list[BaseRoute]:
    async def presign(request: Request) -> Response:
        require_key(request)
        body: dict[str, Any] = await json_object(request) or {}
        content_type, file_type = body.get("content_type"), body.get("file_type")
        if not isinstance(content_type, str) or file_type not in FILE_TYPES:
            raise Refusal(400, "content_type and file_type are required")
        seconds = body.get("expires_in_seconds", SECONDS_DEFAULT)
        if isinstance(seconds, bool) or not isinstance(seconds, int):
            raise Refusal(400, "expires_in_seconds must be an integer")
        file = world.hosted.announce(content_type, seconds)
        expires_at = datetime.fromtimestamp(file.expires_at_ms / 1000, UTC)
        return json_response(
            {
                "id": file.id,
                "presigned_url": f"{world.config.url}/eachlabs/storage/{file.id}?token={file.token}",
                "public_url": file.public_url,
                "expires_at": expires_at.isoformat().replace("+00:00", "Z"),
                "required_headers": {META: file.id},
            }
        )

    async def put(request: Request) -> Response:
        file = world.hosted.find(request.path_params["id"])
        if file is None or not world.hosted.may_put(file, request.query_params.get("token", "")):
            return Response(status_code=403)
        sent = (request.headers.get(META), request.headers.get("content-type"))
        if sent != (file.id, file.content_type):
            return Response(status_code=403)
        content = b""
        async for chunk in request.stream():
            content += chunk
            if len(content) > BYTES_MAX:
                return Response(status_code=413)
        world.hosted.content(file).write_bytes(content)
        return Response(status_code=200)

    async def delete(request: Request) -> Response:
        try:
            require_key(request)
        except Refusal:
            return json_response({}, 401)
        file = world.hosted.find(request.path_params["id"])
        if file is None:
            raise Refusal(404, "File not found")
        world.hosted.delete(file)
        return Response(status_code=204)

    return [
        Route("/v1/upload/presign", presign, methods=["POST"]),
        Route("/storage/{id}", put, methods=["PUT"]),
        Route("/v1/files/{id}", delete, methods=["DELETE"]),
    ]
