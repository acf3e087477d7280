"""What EachLabs says about a job: the prediction one polls and the webhook one receives.

Sources: EachLabs docs, api/predictions/get-prediction, api/webhooks/payload-reference,
api/webhooks/verifying-signatures, video/billing-limits (the error envelope); the model pages.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from seedance_saas.simulators.jobs import Job, Phase
from seedance_saas.simulators.webhooks import CONTRADICTION, Composer, Message
from seedance_saas.simulators.wire import usd
from seedance_saas.simulators.world import World

UPSTREAM = "eachlabs"
STATUS = {
    Phase.CREATED: "created",
    Phase.STARTING: "starting",
    Phase.PROCESSING: "processing",
    Phase.SUCCEEDED: "success",
    Phase.FAILED: "error",
    Phase.CANCELED: "cancelled",
}
UNKNOWN_STATUS = "warming_up"


@dataclass(frozen=True)
class Failure:
    """A row of the error envelope. `classification` is the word of the execution lists."""

    code: str
    category: str
    classification: str
    message: str
    retryable: bool = False


FAILURES = {
    "content_policy": Failure(
        "PROVIDER_REJECTED",
        "CONTENT_MODERATION",
        "content_moderation",
        "The output was refused by content moderation (OutputVideoSensitiveContentDetected).",
    ),
    "provider": Failure(
        "PROVIDER_FAILED",
        "PROVIDER",
        "provider_error",
        "The provider could not finish the generation.",
        retryable=True,
    ),
    "invalid": Failure(
        "INPUT_VALIDATION_ERROR",
        "VALIDATION",
        "invalid_user_input",
        "The input does not fit the model.",
    ),
    "download": Failure(
        "INPUT_DOWNLOAD_ERROR",
        "VALIDATION",
        "invalid_user_input",
        "An input file could not be downloaded.",
    ),
    "timeout": Failure(
        "EXECUTION_TIMEOUT",
        "TIMEOUT",
        "execution_timeout",
        "The execution timed out.",
        retryable=True,
    ),
}


def status(job: Job, now_ms: int) -> str:
    phase = job.phase(now_ms)
    if "unknown status" in job.commands and not phase.is_final:
        return UNKNOWN_STATUS
    return STATUS[phase]


def output_url(world: World, job: Job) -> str:
    return f"{world.config.url}/cdn/{job.id}.mp4"


def cost_usd(job: Job, now_ms: int) -> Decimal:
    """Settled cost: nothing unless it succeeded."""
    return usd(job.cost_microusd if job.phase(now_ms) == Phase.SUCCEEDED else 0)


def predict_seconds(job: Job, now_ms: int) -> float:
    return round(job.run_ms(now_ms) / 1000, 1)


def prediction(world: World, job: Job) -> dict[str, Any]:
    """GET /v1/prediction/{id} in the configured dialect; "both" has the names of either."""
    now_ms = world.config.now_ms()
    if world.config.dialect == "A":
        return _prediction_a(world, job, now_ms)
    body = _prediction_b(world, job, now_ms)
    if world.config.dialect == "both":
        body["predictionID"] = job.id
        if job.phase(now_ms) == Phase.FAILED:
            failure = FAILURES[job.failure]
            body |= {"message": failure.message, "details": failure.code}
    return body


def _prediction_a(world: World, job: Job, now_ms: int) -> dict[str, Any]:
    """The model pages know processing, success and error only."""
    phase = job.phase(now_ms)
    body: dict[str, Any] = {"status": status(job, now_ms), "predictionID": job.id}
    if not phase.is_final and "unknown status" not in job.commands:
        body["status"] = "processing"
    if phase == Phase.SUCCEEDED:
        body |= {
            "output": output_url(world, job),
            "metrics": {"predict_time": predict_seconds(job, now_ms)},
        }
    if phase == Phase.FAILED:
        failure = FAILURES[job.failure]
        body |= {"message": failure.message, "details": failure.code}
    if phase == Phase.CANCELED:
        body |= {"status": "error", "message": "Prediction canceled", "details": None}
    return body


def _prediction_b(world: World, job: Job, now_ms: int) -> dict[str, Any]:
    phase = job.phase(now_ms)
    address = f"{world.config.url}/eachlabs/v1/prediction/{job.id}"
    output: Any = None
    if phase == Phase.SUCCEEDED:
        output = output_url(world, job)
    if phase == Phase.FAILED:
        output = _envelope(job)
    return {
        "id": job.id,
        "input": job.input,
        "status": status(job, now_ms),
        "output": output,
        "logs": None,
        "metrics": {
            "predict_time": predict_seconds(job, now_ms),
            "cost": cost_usd(job, now_ms),
        },
        "urls": {"cancel": f"{address}/cancel", "get": address},
    }


def _envelope(job: Job) -> dict[str, Any]:
    failure = FAILURES[job.failure]
    return {
        "classification": {"category": failure.category},
        "error": "Execution failed",
        "error_code": failure.code,
        "error_message": failure.message,
        "error_step": "generate",
        "execution_id": job.id,
        "model_slug": job.model,
        "provider": "bytedance",
        "retryable": failure.retryable,
        "status": "ERROR",
        "success": False,
    }


def webhook_composer(world: World) -> Composer:
    def compose(job: Job, kind: str, now_ms: int) -> Message:
        failure = FAILURES["provider" if kind == CONTRADICTION else job.failure or "provider"]
        is_success = kind != CONTRADICTION and job.phase(now_ms) == Phase.SUCCEEDED
        payload: dict[str, Any] = {"exec_id": job.id}
        if world.config.dialect != "A":
            payload["flow_id"] = None
        if is_success:
            payload |= {"status": "succeeded", "output": output_url(world, job), "error": ""}
        else:
            # The reason is in output[0].error; the error beside it is always empty.
            reason = {"id": "", "status": "", "output": "", "error": f"Error: {failure.message}"}
            payload |= {"status": "failed", "output": [reason], "error": ""}
        body = json.dumps(payload, separators=(",", ":"))
        secret = job.webhook_secret
        if secret and "webhook bad signature" in job.commands:
            secret = f"not {secret}"
        return Message(body, webhook_headers(secret, now_ms // 1000, body))

    return compose


def webhook_headers(secret: str, timestamp: int, body: str) -> dict[str, str]:
    """Signed only when the create gave a secret; X-Webhook-Secret is the older, clear form."""
    headers = {"Content-Type": "application/json", "User-Agent": "eachlabs-simulator"}
    if secret:
        signature = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256)
        headers |= {
            "X-Webhook-Timestamp": str(timestamp),
            "X-Webhook-Signature": f"sha256={signature.hexdigest()}",
            "X-Webhook-Secret": secret,
        }
    return headers
