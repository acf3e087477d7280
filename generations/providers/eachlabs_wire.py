"""EachLabs' bodies: what we send, and what its two generations of documents answer, read as one.

Sources as in eachlabs.py. Nothing here touches the network.
"""

import re
from decimal import Decimal
from typing import Any

import httpx

from generations.providers.base import JobRequest, JobState, ProviderUnavailable

# `status` of GET /v1/prediction/{id}: A says error, B's schema says failed, production uses error.
STATES = {
    "created": JobState.RUNNING,
    "starting": JobState.RUNNING,
    "processing": JobState.RUNNING,
    "success": JobState.SUCCEEDED,
    "succeeded": JobState.SUCCEEDED,
    "error": JobState.FAILED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELED,
    "canceled": JobState.CANCELED,
}
# `output.error_code` (B, video billing limits) and the classes of the execution list.
_FAILURE_CODES = {
    "INPUT_VALIDATION_ERROR": "invalid_input",
    "PROVIDER_BAD_REQUEST": "invalid_input",
    "PROVIDER_REJECTED": "content_refused",
    "INPUT_DOWNLOAD_ERROR": "input_unavailable",
    "EXECUTION_TIMEOUT": "provider_timeout",
}
COST_USD_MAX = 1_000
_MODERATION_WORDS = ("moderation", "content policy", "content_policy", "sensitive", "safety")


def slug(job: JobRequest) -> str:
    return job.model.slugs["eachlabs"]


def job_id_of(row: dict[str, Any]) -> Any:
    return row.get("id") or row.get("execution_id")


def is_asked(shown: Any, asked: dict[str, Any]) -> bool:
    """Is this the input that we asked for? It may show defaults beside it."""
    return isinstance(shown, dict) and all(shown.get(name) == asked[name] for name in asked)


def job_input(job: JobRequest) -> dict[str, Any]:
    """The `input` of a create: numbers as strings, lists as lists (model pages of May 2026)."""
    values: dict[str, Any] = {
        "prompt": job.prompt_for("eachlabs"),
        "resolution": job.resolution,
        "duration": str(job.duration_seconds or "auto"),
        "aspect_ratio": job.aspect_ratio,
        "generate_audio": job.generate_audio,
    }
    if job.seed is not None:
        values["seed"] = str(job.seed)
    if job.end_user:
        values["end_user_id"] = job.end_user
    for name, urls in job.files.items():
        if urls:
            values[name] = urls if name.endswith("s") else urls[0]
    return values


def is_job_id(value: Any) -> bool:
    """A word that fits our column and an address; their ids are UUIDs."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,100}", value) is not None


def read_json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json(parse_float=Decimal)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def rows(response: httpx.Response) -> list[dict[str, Any]]:
    try:
        body = response.json()
    except ValueError:
        raise ProviderUnavailable("the list of executions is not JSON") from None
    rows = body.get("executions", body.get("data")) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise ProviderUnavailable("the list of executions has another shape")
    return [row for row in rows if isinstance(row, dict)]


def message_of(body: dict[str, Any]) -> str:
    """The reason in words, wherever this answer keeps it."""
    output = body.get("output")
    if isinstance(output, list) and output and isinstance(output[0], dict):
        output = {"error_message": output[0].get("error")}
    if isinstance(output, dict) and output.get("error_message"):
        return _storable(output["error_message"])
    parts = [body.get(name) for name in ("message", "error", "details")]
    words = list(dict.fromkeys(_storable(part) for part in parts if part))
    return ": ".join(words) or _storable(body.get("logs") or "no reason given")


def _storable(value: Any) -> str:
    """As text that a database takes: JSON may say NUL and halves of characters."""
    return str(value).replace("\x00", "�").encode(errors="replace").decode()


def error_code_of(body: dict[str, Any]) -> str:
    output = body.get("output")
    return str(output.get("error_code") or "") if isinstance(output, dict) else ""


def failure_code(error_code: str, message: str, otherwise: str) -> str:
    if any(word in message.lower() for word in _MODERATION_WORDS):
        return "content_refused"
    return _FAILURE_CODES.get(error_code, otherwise)


def cost_microusd(body: dict[str, Any]) -> int | None:
    """`metrics.cost`: dollars as a JSON number, read without passing through a float. None for what no video costs."""
    metrics = body.get("metrics")
    cost = metrics.get("cost") if isinstance(metrics, dict) else None
    if isinstance(cost, bool) or not isinstance(cost, int | Decimal):
        return None
    if not 0 <= cost <= COST_USD_MAX:
        return None
    return int(cost * 1_000_000)


def output_url(output: Any) -> str:
    """A string, an object with a url, or a list of either."""
    if isinstance(output, list) and output:
        output = output[0]
    if isinstance(output, dict):
        output = output.get("url")
    return _storable(output) if isinstance(output, str) else ""


def retry_after_seconds(response: httpx.Response) -> int | None:
    value = response.headers.get("retry-after", "")
    return int(value) if re.fullmatch(r"[0-9]{1,5}", value) else None
