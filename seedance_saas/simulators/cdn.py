"""Serves finished films at /cdn/<job>.mp4 with ranges, and the broken ones that prompts order."""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from seedance_saas.simulators.jobs import Phase
from seedance_saas.simulators.wire import drop
from seedance_saas.simulators.world import World

PAGE = "<!doctype html><title>Just a moment</title><h1>Checking your browser</h1>"


class BrokenOff(Response):
    """Promises the whole file and hangs up in the middle of it."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        super().__init__(media_type="video/mp4")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"video/mp4"),
            (b"content-length", str(len(self._content)).encode()),
        ]
        half = self._content[: len(self._content) // 2]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await drop(scope)


def routes(world: World) -> list[BaseRoute]:
    async def film(request: Request) -> Response:
        job = world.jobs.get(request.path_params["job_id"])
        if job is None or job.phase(world.config.now_ms()) != Phase.SUCCEEDED:
            return PlainTextResponse("Not found", 404)
        commands = job.commands
        if "missing output" in commands:
            return PlainTextResponse("Not found", 404)
        if "html output" in commands:
            return HTMLResponse(PAGE)
        if "slow download" in commands:
            await asyncio.sleep(commands["slow download"])
        path = await world.films.film(job.id, job.film)
        if "broken download" in commands:
            return BrokenOff(path)
        if "truncated output" in commands:
            content = path.read_bytes()
            return Response(content[: len(content) // 2], media_type="video/mp4")
        return FileResponse(path, media_type="video/mp4")

    return [Route("/{job_id}.mp4", film)]
