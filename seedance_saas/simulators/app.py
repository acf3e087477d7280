"""Puts the vendors together into one application. A new vendor is one line in `create_app`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from seedance_saas.simulators import cdn, eachlabs, inbox, inputs, internet, stripe
from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.films import FilmLibrary
from seedance_saas.simulators.hosted import HostedFiles
from seedance_saas.simulators.jobs import JobStore
from seedance_saas.simulators.webhooks import WebhookSender
from seedance_saas.simulators.wire import json_response, remember_transport
from seedance_saas.simulators.world import World


class Simulators(Starlette):
    """The application, which also answers for the public names it plays when asked by Host."""

    internet: internet.Internet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            remember_transport(scope, send)
            self.internet.route_by_host(scope)
        await super().__call__(scope, receive, send)


def create_app(config: SimulatorConfig) -> Simulators:
    """The whole outside world. Its state is in `config.data_dir` and survives a restart."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    jobs = JobStore(config.data_dir / "simulators.sqlite3")
    names = internet.Internet(config)
    hosted = HostedFiles(config)
    received = inbox.Inbox(config)
    world = World(config, jobs, FilmLibrary(config, names), names, hosted)
    sender = WebhookSender(jobs, config, {eachlabs.UPSTREAM: eachlabs.webhook_composer(world)})
    stripe_app = stripe.create_app(world)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loops = [asyncio.create_task(sender.run()), asyncio.create_task(stripe_app.run())]
        inputs.resume(world)
        yield
        for loop in loops:
            loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await loop
        stripe_app.close()
        world.films.close()
        jobs.close()

    async def index(_: Request) -> Response:
        addresses = {"eachlabs": f"{config.url}/eachlabs", "stripe": stripe_app.url}
        return json_response({"status": "ok"} | addresses)

    async def reset(_: Request) -> Response:
        jobs.clear()
        received.clear()
        stripe_app.reset()
        return json_response({"status": "ok"})

    app = Simulators(
        routes=[
            Route("/", index),
            Route("/reset", reset, methods=["POST"]),
            Mount("/eachlabs", eachlabs.create_app(world)),
            Mount("/stripe", stripe_app),
            Mount("/cdn", routes=cdn.routes(world)),
            Mount(
                "/internet",
                routes=[*inbox.routes(received), *internet.routes(world.films, names, hosted)],
            ),
        ],
        lifespan=lifespan,
    )
    app.internet = names
    return app
