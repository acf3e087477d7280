"""EachLabs, https://api.eachlabs.ai. Two generations of its documents disagree; both are read.

Sources: the model pages of May 2026 (dialect A) and the API reference of July and August 2026 (dialect
B: predictions, errors, webhooks, verifying signatures).
"""

import hashlib
import hmac
import json
import logging
import re
import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from generations.providers.base import (
    JobRequest,
    JobState,
    JobStatus,
    ProviderOutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
)

logger = logging.getLogger(__name__)

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
SIGNATURE_TOLERANCE_SECONDS = 300
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Ours to mend, not the customer's: key, balance, rate. Nothing was created.
OUR_FAULT = {401, 402, 403, 429}

# `status` of GET /v1/prediction/{id}: A says error, B's schema says failed, production uses error.
_STATES = {
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
_MODERATION_WORDS = ("moderation", "content policy", "content_policy", "sensitive", "safety")


class EachLabs:
    """One key at EachLabs."""

    name = "eachlabs"

    def __init__(
        self, url: str, api_key: str, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"X-API-Key": api_key},
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
            follow_redirects=False,
        )

    def submit(self, job: JobRequest) -> str:
        body = {"model": slug(job), "version": "0.0.1", "input": job_input(job)}
        if job.webhook_url:
            body |= {"webhook_url": job.webhook_url, "webhook_secret": job.webhook_secret}
        try:
            response = self._client.post("/v1/prediction", json=body)
        except NEVER_SENT as error:
            raise ProviderUnavailable(f"not reached: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise ProviderOutcomeUnknown(f"answer lost: {type(error).__name__}") from error
        if response.status_code in OUR_FAULT:
            logger.warning("eachlabs.unavailable status=%s", response.status_code)
            raise ProviderUnavailable(
                f"status {response.status_code}", retry_after_seconds=_retry_after(response)
            )
        if 400 <= response.status_code < 500:
            message = _message(_json(response))
            raise ProviderRefused(_code("", message, "invalid_input"), message)
        # In the answer to a create, status "success" means accepted.
        job_id = _json(response).get("predictionID") or _json(response).get("id")
        if response.status_code != httpx.codes.OK or not _is_job_id(job_id):
            raise ProviderOutcomeUnknown(f"status {response.status_code} without an id")
        return str(job_id)

    def status(self, job_id: str) -> JobStatus:
        response = self._get(f"/v1/prediction/{job_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return JobStatus(JobState.LOST)
        if response.status_code != httpx.codes.OK:
            raise ProviderUnavailable(f"status {response.status_code}")
        body = _json(response)
        state = _STATES.get(str(body.get("status")))
        if state is None:
            logger.warning("eachlabs.unknown_status job=%s", job_id)
            return JobStatus(JobState.RUNNING)
        cost = _cost_microusd(body)
        if state == JobState.SUCCEEDED:
            return JobStatus(state, output_url=_output_url(body.get("output")), cost_microusd=cost)
        if state == JobState.FAILED:
            message = _message(body)
            return JobStatus(
                state,
                cost_microusd=cost,
                failure_code=_code(_error_code(body), message, "provider_failed"),
                failure_message=message,
            )
        return JobStatus(state, cost_microusd=cost)

    def cancel(self, job_id: str) -> bool:
        try:
            response = self._client.post(f"/v1/prediction/{job_id}/cancel")
        except httpx.HTTPError as error:
            raise ProviderUnavailable(type(error).__name__) from error
        if response.status_code in OUR_FAULT or response.status_code >= 500:
            raise ProviderUnavailable(f"status {response.status_code}")
        return response.status_code == httpx.codes.OK

    def find(self, job: JobRequest, *, sent_at: datetime) -> list[str]:
        """No idempotency key exists, so the job is told by its model, its input and its time."""
        response = self._get(
            "/v1/executions",
            {
                "model": slug(job),
                "from": (sent_at - timedelta(seconds=60)).isoformat(),
                "limit": 100,
            },
        )
        if response.status_code != httpx.codes.OK:
            raise ProviderUnavailable(f"status {response.status_code}")
        rows = _rows(response)
        sure = [
            row for row in rows if job.webhook_url and row.get("webhook_url") == job.webhook_url
        ]
        alike = [row for row in rows if row.get("input") == job_input(job)]
        ids = [row.get("id") or row.get("execution_id") for row in (sure or alike)]
        return [str(job_id) for job_id in ids if _is_job_id(job_id)]

    def webhook_job_id(self, body: str) -> str | None:
        try:
            job_id = json.loads(body).get("exec_id")
        except (ValueError, AttributeError, RecursionError):
            return None
        return str(job_id) if _is_job_id(job_id) else None

    def is_signed_by(self, secret: str, headers: dict[str, str], body: bytes) -> bool:
        """`X-Webhook-Signature: sha256=HMAC(secret, "<timestamp>." + body)` (B, verifying signatures).

        Dialect A knows no signature: its secret is the address, which the caller has checked.
        """
        signature = headers.get("x-webhook-signature")
        if signature is None:
            return True
        timestamp = headers.get("x-webhook-timestamp", "")
        if not re.fullmatch(r"[0-9]{1,12}", timestamp):
            return False
        if abs(time.time() - int(timestamp)) > SIGNATURE_TOLERANCE_SECONDS:
            return False
        expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        return hmac.compare_digest(f"sha256={expected.hexdigest()}".encode(), signature.encode())

    def _get(self, path: str, params: dict[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.get(path, params=params)
        except httpx.HTTPError as error:
            raise ProviderUnavailable(type(error).__name__) from error


def slug(job: JobRequest) -> str:
    return job.model.aliases[0]


def job_input(job: JobRequest) -> dict[str, Any]:
    """The `input` of a create: numbers as strings, lists as lists (model pages of May 2026)."""
    values: dict[str, Any] = {
        "prompt": job.prompt,
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


def _is_job_id(value: Any) -> bool:
    """A word that fits our column and an address; their ids are UUIDs."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,100}", value) is not None


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json(parse_float=Decimal)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _rows(response: httpx.Response) -> list[dict[str, Any]]:
    try:
        body = response.json()
    except ValueError:
        raise ProviderUnavailable("the list of executions is not JSON") from None
    rows = body.get("executions", body.get("data")) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise ProviderUnavailable("the list of executions has another shape")
    return [row for row in rows if isinstance(row, dict)]


def _message(body: dict[str, Any]) -> str:
    """The reason in words, wherever this answer keeps it."""
    output = body.get("output")
    if isinstance(output, list) and output and isinstance(output[0], dict):
        output = {"error_message": output[0].get("error")}
    if isinstance(output, dict) and output.get("error_message"):
        return str(output["error_message"])
    parts = [body.get(name) for name in ("message", "error", "details")]
    words = list(dict.fromkeys(str(part) for part in parts if part))
    return ": ".join(words) or str(body.get("logs") or "no reason given")


def _error_code(body: dict[str, Any]) -> str:
    output = body.get("output")
    return str(output.get("error_code") or "") if isinstance(output, dict) else ""


def _code(error_code: str, message: str, otherwise: str) -> str:
    if any(word in message.lower() for word in _MODERATION_WORDS):
        return "content_refused"
    return _FAILURE_CODES.get(error_code, otherwise)


def _cost_microusd(body: dict[str, Any]) -> int | None:
    """`metrics.cost`: dollars as a JSON number, read without passing through a float."""
    metrics = body.get("metrics")
    cost = metrics.get("cost") if isinstance(metrics, dict) else None
    if isinstance(cost, bool) or not isinstance(cost, int | Decimal):
        return None
    return int(cost * 1_000_000)


def _output_url(output: Any) -> str:
    """A string, an object with a url, or a list of either."""
    if isinstance(output, list) and output:
        output = output[0]
    if isinstance(output, dict):
        output = output.get("url")
    return output if isinstance(output, str) else ""


def _retry_after(response: httpx.Response) -> int | None:
    value = response.headers.get("retry-after", "")
    return int(value) if re.fullmatch(r"[0-9]{1,5}", value) else None
