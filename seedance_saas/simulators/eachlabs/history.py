"""Models, executions, the webhook log and the balance.

Source: the OpenAPI file (ExecutionSummary, ListExecutionsResponse, ListExecutionsV2Response, Webhook,
WebhookAttempt, ModelDetail) and the changelog of 2026-08-19, 2026-08-27 and 2026-09-03.

An execution in a list carries, by the documents, neither its input nor its webhook address. Both are
added here so that a lost create can be told from its like; `documented_executions` leaves them out,
and then GET /v1/prediction/{id} gives the input and GET /v1/webhooks/{id} the address.
"""

import base64
import hashlib
import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from seedance_saas.simulators import commands
from seedance_saas.simulators.eachlabs import messages, schema
from seedance_saas.simulators.eachlabs.answers import Refusal, require_key
from seedance_saas.simulators.jobs import Job, Phase
from seedance_saas.simulators.wire import json_response, usd
from seedance_saas.simulators.world import World

DAY_MS = 24 * 3600 * 1000
STATUSES = ("created", "starting", "success", "error")
CLASSIFICATIONS = (
    "content_moderation",
    "execution_timeout",
    "invalid_user_input",
    "invalid_model_config",
    "provider_auth",
    "provider_error",
    "provider_rate_limit",
    "provider_unavailable",
    "internal_error",
    "unknown",
)
V1_ROWS_MAX = 1000
BALANCE_READS_PER_SECOND = 3


def routes(world: World) -> list[BaseRoute]:
    reads: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=BALANCE_READS_PER_SECOND))

    async def models(request: Request) -> Response:
        name = request.query_params.get("name", "").lower()
        limit, offset = _number(request, "limit", 50, 1, 500), _number(request, "offset", 0, 0)
        slugs = [slug for slug in schema.SLUGS if name in slug]
        page = slugs[offset : offset + limit]
        return json_response([_model(world, slug) for slug in page])

    async def model_by_query(request: Request) -> Response:
        slug = request.query_params.get("slug", "")
        if not slug:
            raise Refusal(400, "slug parameter is required")
        return json_response(_model(world, slug))

    async def model(request: Request) -> Response:
        return json_response(_model(world, request.path_params["slug"]))

    async def executions(request: Request) -> Response:
        require_key(request)
        limit, offset = _number(request, "limit", 20, 1, 100), _number(request, "offset", 0, 0)
        if offset > V1_ROWS_MAX - limit:
            raise Refusal(
                400,
                "V1 execution pagination is limited to 1000 rows;"
                " use GET /v2/executions with cursor pagination",
            )
        jobs = _selected(world, request)
        body = {
            "executions": [_execution(world, job) for job in jobs[offset : offset + limit]],
            "total_count": len(jobs),
            "total_capped": False,
            "offset": offset,
            "limit": limit,
        }
        link = f'<{world.config.url}/eachlabs/v2/executions>; rel="successor-version"'
        return json_response(body, headers={"Deprecation": "true", "Link": link})

    async def executions_by_cursor(request: Request) -> Response:
        require_key(request)
        limit = _number(request, "limit", 20, 1, 100)
        jobs = _selected(world, request)
        after = _after(request, limit)
        rest = [job for job in jobs if not after or (job.created_at_ms, job.id) < after]
        page, has_more = rest[:limit], len(rest) > limit
        body = {
            "executions": [_execution(world, job) for job in page],
            "limit": limit,
            "has_more": has_more,
            "next_cursor": _cursor(request, limit, page[-1]) if has_more else None,
        }
        return json_response(body)

    async def webhooks(request: Request) -> Response:
        require_key(request)
        limit, offset = _number(request, "limit", 50, 1, 100), _number(request, "offset", 0, 0)
        rows = _deliveries(world)
        page = [_webhook(row) for row in rows[offset : offset + limit]]
        body = {"webhooks": page, "limit": limit, "offset": offset, "total_count": len(rows)}
        return json_response(body)

    async def webhook(request: Request) -> Response:
        require_key(request)
        rows = _deliveries(world, request.path_params["id"])
        if not rows:
            raise Refusal(404, "Webhook not found")
        attempts = [_attempt(item) for row in rows for item in json.loads(row["attempts"])]
        attempts.sort(key=lambda item: str(item["created_at"]))
        return json_response(_webhook(rows[-1]) | {"attempts": attempts})

    async def balance(request: Request) -> Response:
        recent, now_ms = reads[require_key(request)], world.config.now_ms()
        if len(recent) == recent.maxlen and now_ms - recent[0] < 1000:
            raise Refusal(429, "too many requests", retry_after_seconds=1, shared=True)
        recent.append(now_ms)
        return json_response(
            world.config.balance_usd - usd(world.jobs.charged_microusd(messages.UPSTREAM, now_ms))
        )

    async def simulate(_: Request) -> Response:
        return json_response({"commands": commands.reference()})

    return [
        Route("/v1/models", models),
        Route("/v1/model", model_by_query),
        Route("/v1/models/{slug}", model),
        Route("/v1/executions", executions),
        Route("/v2/executions", executions_by_cursor),
        Route("/v1/webhooks", webhooks),
        Route("/v1/webhooks/{id}", webhook),
        Route("/v1/billing/balance", balance),
        Route("/simulate", simulate),
    ]


def _model(world: World, slug: str) -> dict[str, Any]:
    if slug not in schema.SLUGS:
        raise Refusal(404, "Failed to fetch model: model not found")
    return schema.describe(slug, open_1080p=world.config.open_1080p)


def _selected(world: World, request: Request) -> list[Job]:
    """The jobs that the filters of an execution list leave, newest first."""
    now_ms = world.config.now_ms()
    to_ms = _time_ms(request, "to", now_ms)
    from_ms = _time_ms(request, "from", to_ms - 90 * DAY_MS)
    statuses = _tokens(request, "status", STATUSES)
    classes = _tokens(request, "error_classification", CLASSIFICATIONS)
    model = request.query_params.get("model", "")

    def fits(job: Job) -> bool:
        if "lost" in job.commands or (model and job.model != model):
            return False
        if classes and not (
            job.phase(now_ms) == Phase.FAILED
            and messages.FAILURES[job.failure].classification in classes
        ):
            return False
        return not statuses or messages.status(job, now_ms) in statuses

    return [job for job in world.jobs.between(messages.UPSTREAM, from_ms, to_ms) if fits(job)]


def _execution(world: World, job: Job) -> dict[str, Any]:
    now_ms = world.config.now_ms()
    phase = job.phase(now_ms)
    end_ms = job.created_at_ms + job.run_ms(now_ms)
    body: dict[str, Any] = {
        "id": job.id,
        "model": job.model,
        "requested_model": None,
        "status": messages.status(job, now_ms),
        "workflow_id": None,
        "workflow_execution_id": None,
        "execution_cost": messages.cost_usd(job, now_ms),
        "run_time": messages.predict_seconds(job, now_ms),
        "created_at": _iso(job.created_at_ms),
        "started_at": None if phase == Phase.CREATED else _iso(job.created_at_ms),
        "completed_at": _iso(end_ms) if phase.is_final else None,
        "output": messages.output_url(world, job) if phase == Phase.SUCCEEDED else None,
    }
    if not world.config.documented_executions:
        body |= {"input": job.input, "webhook_url": job.webhook_url or None}
    return body


def _deliveries(world: World, job_id: str = "") -> list[sqlite3.Row]:
    """Webhooks composed so far, newest first; of one job if `job_id` is given."""
    rows = world.jobs.connection.execute(
        "SELECT d.*, j.webhook_url FROM deliveries d JOIN jobs j ON j.id = d.job_id"
        " WHERE d.body != '' AND j.upstream = ? AND ? IN ('', d.job_id) ORDER BY d.id DESC",
        (messages.UPSTREAM, job_id),
    )
    return list(rows)


def _webhook(row: sqlite3.Row) -> dict[str, Any]:
    headers = json.loads(row["headers"])
    return {
        "execution_id": row["job_id"],
        "url": row["webhook_url"],
        "request": row["body"],
        "headers": {name: value for name, value in headers.items() if name != "X-Webhook-Secret"},
        "source": "api-gateway",
        "created_at": _iso(row["created_at_ms"]),
    }


def _attempt(item: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in item.items() if name != "created_at_ms"}
    return shown | {"created_at": _iso(item["created_at_ms"])}


def _cursor(request: Request, limit: int, last: Job) -> str:
    text = json.dumps([_filters(request, limit), last.created_at_ms, last.id])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _after(request: Request, limit: int) -> tuple[int, str] | None:
    """Where the page starts. A cursor is bound to the filters and the limit it was made with."""
    text = request.query_params.get("cursor", "")
    if not text:
        return None
    try:
        filters, created_at_ms, job_id = json.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError:
        raise Refusal(400, "Invalid cursor") from None
    if filters != _filters(request, limit):
        raise Refusal(400, "Invalid cursor", "restart without a cursor to change filters or limit")
    return int(created_at_ms), str(job_id)


def _filters(request: Request, limit: int) -> str:
    names = ("model", "status", "error_classification", "from", "to")
    text = json.dumps([limit, *(request.query_params.get(name, "") for name in names)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _tokens(request: Request, name: str, allowed: tuple[str, ...]) -> set[str]:
    tokens = {part.strip() for part in request.query_params.get(name, "").split(",")} - {""}
    if tokens - set(allowed):
        raise Refusal(400, f"invalid {name}: allowed are {', '.join(allowed)}")
    return tokens


def _number(request: Request, name: str, default: int, least: int, most: int = 1_000_000) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Refusal(400, f"invalid {name}")
    return int(text)


def _time_ms(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"invalid {name}: must be RFC 3339") from None
    if moment.tzinfo is None:
        raise Refusal(400, f"invalid {name}: must be RFC 3339")
    return int(moment.timestamp() * 1000)


def _iso(moment_ms: int) -> str:
    moment = datetime.fromtimestamp(moment_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
