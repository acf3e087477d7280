"""Create, read and cancel predictions.

Sources: EachLabs docs, api/predictions/create-prediction, api/predictions/get-prediction, the
OpenAPI file for cancel; the model pages for limits.
"""

import asyncio
import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from seedance_saas.simulators import commands, inputs
from seedance_saas.simulators.commands import Commands
from seedance_saas.simulators.eachlabs import messages, schema
from seedance_saas.simulators.eachlabs.answers import Refusal, require_key
from seedance_saas.simulators.jobs import Job, work_ms
from seedance_saas.simulators.order import FilmOrder
from seedance_saas.simulators.webhooks import planned
from seedance_saas.simulators.wire import ClosedUnanswered, json_object, json_response
from seedance_saas.simulators.world import World

FORCED_ANSWERS = {
    400: ("Invalid input for model", None),
    401: ("Invalid or missing API key", None),
    402: (
        "payment required",
        "the estimated cost of your in-flight executions exceeds your balance",
    ),
    404: ("Model not found", None),
    429: ("too many requests", "Account rate limited: simulated."),
    500: ("Failed to create prediction", None),
}
ANOTHER_RESOLUTION = {"480p": "720p", "720p": "480p", "1080p": "720p"}


@dataclass(frozen=True)
class CreateRequest:
    """The body of a create, checked. `version` is read by nobody (OpenAPI file: ignored)."""

    model: str
    input: dict[str, Any]
    checked: dict[str, Any]
    webhook_url: str
    webhook_secret: str
    commands: Commands


def routes(world: World) -> list[BaseRoute]:
    async def create(request: Request) -> Response:
        key_hash = require_key(request)
        wanted = await _read(request, world)
        if "drop before" in wanted.commands:
            return ClosedUnanswered()
        _admit(world, key_hash)
        job = _accept(world, key_hash, wanted)
        if "drop" in wanted.commands:
            return ClosedUnanswered()
        await asyncio.sleep(wanted.commands.number("slow answer", 0))
        return json_response(
            {
                "status": "success",
                "message": "Prediction created successfully",
                "predictionID": job.id,
                "id": job.id,
            }
        )

    async def read(request: Request) -> Response:
        require_key(request)
        return json_response(messages.prediction(world, _find(world, request)))

    async def cancel(request: Request) -> Response:
        require_key(request)
        job = _find(world, request)
        if "uncancelable" in job.commands:
            raise Refusal(400, "prediction cannot be cancelled")
        # What happens on a finished one is in no document.
        if not world.jobs.cancel(job.id, world.config.now_ms()):
            raise Refusal(400, "prediction already finished")
        return json_response(
            {
                "status": "cancelled",
                "message": "Prediction canceled successfully",
                "predictionID": job.id,
            }
        )

    return [
        route
        for end in ("", "/")
        for route in (
            Route(f"/v1/prediction{end}", create, methods=["POST"]),
            Route(f"/v1/prediction/{{id}}{end}", read),
            Route(f"/v1/prediction/{{id}}/cancel{end}", cancel, methods=["POST"]),
        )
    ]


async def _read(request: Request, world: World) -> CreateRequest:
    """Raises Refusal for whatever the original refuses, and for what the prompt orders refused."""
    body = await json_object(request)
    if body is None:
        raise Refusal(400, "Invalid request body")
    model, given = body.get("model"), body.get("input")
    if not isinstance(model, str) or not model:
        raise Refusal(400, "model field is required")
    if model not in schema.SLUGS:
        raise Refusal(404, "Model not found", model)
    if not isinstance(given, dict):
        raise Refusal(400, "Invalid input for model", "input: must be an object")
    orders = commands.parse(str(given.get("prompt", "")))
    _refuse_by_order(orders)
    try:
        checked = schema.check(model, given, open_1080p=world.config.open_1080p)
    except schema.InvalidInput as error:
        raise Refusal(400, "Invalid input for model", str(error)) from error
    url, secret = body.get("webhook_url") or "", body.get("webhook_secret") or ""
    if not isinstance(url, str) or (url and not url.startswith(("https://", "http://"))):
        raise Refusal(400, "Invalid request body", "webhook_url: must be a URL")
    if not isinstance(secret, str):
        raise Refusal(400, "Invalid request body", "webhook_secret: must be a string")
    return CreateRequest(model, given, checked, url, secret, orders)


def _refuse_by_order(orders: Commands) -> None:
    code = 400 if "refuse" in orders else orders.number("http", 0)
    if 400 <= code <= 599:
        error, details = FORCED_ANSWERS.get(code, ("Simulated", None))
        wait = 1 if code == 429 else None
        raise Refusal(code, error, details, retry_after_seconds=wait, shared=code in {402, 429})


def _admit(world: World, key_hash: str) -> None:
    """100 creates a minute and 10 running at once per key (model pages). A refusal creates nothing."""
    config, now_ms = world.config, world.config.now_ms()
    recent = world.jobs.created_since(key_hash, now_ms - 60_000)
    details, wait = "", 1
    if len(recent) >= config.creates_per_minute:
        details = f"Account rate limited: {config.creates_per_minute} creates per minute."
        # The next is admitted when enough of the recent ones are a minute old.
        freed_at_ms = recent[-max(1, config.creates_per_minute)] + 60_000 if recent else now_ms
        wait = max(1, -(-(freed_at_ms - now_ms) // 1000))
    elif world.jobs.running(key_hash, now_ms) >= config.concurrent_jobs:
        details = (
            "Account rate limited: accounts with a balance of $10.00 or less are limited to "
            f"{config.concurrent_jobs} concurrent executions."
        )
    if details:
        raise Refusal(429, "too many requests", details, retry_after_seconds=wait, shared=True)


def _accept(world: World, key_hash: str, wanted: CreateRequest) -> Job:
    now_ms, job_id = world.config.now_ms(), str(uuid.uuid4())
    film = _film(wanted)
    work = work_ms(job_id, wanted.commands, world.config.work_seconds)
    failures = [words.removeprefix("fail ") for words in wanted.commands if words[:5] == "fail "]
    addresses = inputs.addresses(wanted.checked)
    rate = schema.rate_microusd(wanted.model, wanted.checked["resolution"])
    job = Job(
        id=job_id,
        upstream=messages.UPSTREAM,
        key_hash=key_hash,
        model=wanted.model,
        input=wanted.input,
        film=film,
        cost_microusd=film.seconds * rate,
        webhook_url=wanted.webhook_url,
        webhook_secret=wanted.webhook_secret,
        failure=failures[0] if failures else "",
        inputs_pending=any(world.internet.origin(address) for address in addresses),
        created_at_ms=now_ms,
        ends_at_ms=None if work is None else now_ms + work,
    )
    world.jobs.add(job, planned(job))
    inputs.start(world, job)
    return job


def _film(wanted: CreateRequest) -> FilmOrder:
    checked = wanted.checked
    asked = checked["duration"]
    seconds = _chosen_seconds(checked) if asked == "auto" else int(asked)
    seconds = max(1, min(wanted.commands.number("seconds", seconds), 60))
    resolution = checked["resolution"]
    if "wrong resolution" in wanted.commands:
        resolution = ANOTHER_RESOLUTION[resolution]
    single = [checked.get("image_url"), checked.get("end_image_url")]
    return FilmOrder(
        prompt=commands.without(checked["prompt"]),
        seconds=seconds,
        resolution=resolution,
        ratio=checked["aspect_ratio"],
        sound=checked["generate_audio"],
        images=[url for url in single if url] or list(checked.get("image_urls") or []),
    )


def _chosen_seconds(checked: dict[str, Any]) -> int:
    """`auto`: the model decides, here from 4 to 15 by prompt and seed, the same every time."""
    text = f"{checked['prompt']}\0{checked.get('seed') or ''}"
    return 4 + int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 12


def _find(world: World, request: Request) -> Job:
    """Any key of the organization sees all of its jobs, and this simulator plays one organization."""
    job = world.jobs.get(request.path_params["id"])
    if job is None or job.upstream != messages.UPSTREAM or "lost" in job.commands:
        raise Refusal(404, "Prediction not found")
    return job
