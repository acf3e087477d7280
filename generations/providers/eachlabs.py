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
from typing import Any

import httpx

from generations.providers import eachlabs_wire as wire
from generations.providers import live_schemas
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
EXECUTIONS_PAGE = 100
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Ours to mend, not the customer's: key, balance, rate. Nothing was created.
OUR_FAULT = {
    401: "it does not know our key",
    402: "our balance there is spent",
    403: "our key may not do this",
    429: "we send too much at once",
}


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

    def close(self) -> None:
        """Give the connections back; for a client that does not live as long as its process."""
        self._client.close()

    def submit(self, job: JobRequest) -> str:
        body = {"model": wire.slug(job), "version": "0.0.1", "input": wire.job_input(job)}
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
                f"status {response.status_code}: {OUR_FAULT[response.status_code]}",
                retry_after_seconds=wire.retry_after_seconds(response),
            )
        if 400 <= response.status_code < 500:
            message = wire.message_of(wire.read_json(response))
            raise ProviderRefused(wire.failure_code("", message, "invalid_input"), message)
        # In the answer to a create, status "success" means accepted.
        job_id = wire.read_json(response).get("predictionID") or wire.read_json(response).get("id")
        if response.status_code != httpx.codes.OK or not wire.is_job_id(job_id):
            raise ProviderOutcomeUnknown(f"status {response.status_code} without an id")
        return str(job_id)

    def status(self, job_id: str) -> JobStatus:
        response = self._get(f"/v1/prediction/{job_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return JobStatus(JobState.LOST)
        if response.status_code != httpx.codes.OK:
            raise ProviderUnavailable(f"status {response.status_code}")
        body = wire.read_json(response)
        state = wire.STATES.get(str(body.get("status")))
        if state is None:
            logger.warning("eachlabs.unknown_status job=%s", job_id)
            return JobStatus(JobState.RUNNING)
        cost = wire.cost_microusd(body)
        if state == JobState.SUCCEEDED:
            return JobStatus(
                state, output_url=wire.output_url(body.get("output")), cost_microusd=cost
            )
        if state == JobState.FAILED:
            message = wire.message_of(body)
            return JobStatus(
                state,
                cost_microusd=cost,
                failure_code=wire.failure_code(
                    wire.error_code_of(body), message, "provider_failed"
                ),
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
        """No idempotency key exists, so the job is told by its model, its time and its input.

        The documented list of executions tells neither address nor input (ExecutionSummary of the API
        reference), so the input is read from each job. A webhook address, where it is shown, is proof.
        """
        rows = self._executions(job, sent_at - timedelta(seconds=60))
        sure = [
            row for row in rows if job.webhook_url and row.get("webhook_url") == job.webhook_url
        ]
        asked = wire.job_input(job)
        alike = sure or [row for row in rows if wire.is_asked(self._input_of(row), asked)]
        return [str(wire.job_id_of(row)) for row in alike]

    def _executions(self, job: JobRequest, since: datetime) -> list[dict[str, Any]]:
        """Every execution of the model since then; offset and limit end at 1,000 (API reference)."""
        rows: list[dict[str, Any]] = []
        for offset in range(0, 1000, EXECUTIONS_PAGE):
            response = self._get(
                "/v1/executions",
                {
                    "model": wire.slug(job),
                    "from": since.isoformat(),
                    "limit": EXECUTIONS_PAGE,
                    "offset": offset,
                },
            )
            if response.status_code != httpx.codes.OK:
                raise ProviderUnavailable(f"status {response.status_code}")
            piece = wire.rows(response)
            rows += [row for row in piece if wire.is_job_id(wire.job_id_of(row))]
            if len(piece) < EXECUTIONS_PAGE:
                break
        return rows

    def _input_of(self, row: dict[str, Any]) -> Any:
        if "input" in row:
            return row["input"]
        response = self._get(f"/v1/prediction/{wire.job_id_of(row)}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        body = wire.read_json(response)
        if response.status_code != httpx.codes.OK or "input" not in body:
            # Not knowing is no proof that the job is another one.
            raise ProviderUnavailable(f"the input of a job is not shown: {response.status_code}")
        return body["input"]

    def schema(self, slug: str) -> dict[str, Any]:
        """`GET /v1/model?slug=` (B, overview); it needs no key."""
        return live_schemas.found(
            self._get("/v1/model", {"slug": slug}), lambda body: body["request_schema"]
        )

    def webhook_job_id(self, body: str) -> str | None:
        try:
            job_id = json.loads(body).get("exec_id")
        except (ValueError, AttributeError, RecursionError):
            return None
        return str(job_id) if wire.is_job_id(job_id) else None

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
