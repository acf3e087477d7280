"""A provider's call is stored once and answered at once, and nothing it says is believed."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from generations.models import Attempt, ProviderEvent
from generations.providers import registry
from tests.generations.steps import Line, lose_tasks, refused, run_all, waiting
from tests.upstream import Upstream

VECTOR = (
    b'{"exec_id":"p1","flow_id":null,"status":"succeeded","output":"https://x/v.mp4","error":""}'
)
VECTOR_SIGNATURE = "2e79b545374d94b817371b7f9f708dc5afcf65452fe84adc99c2bcf3526cb5cb"


def signed(secret: str, body: bytes, at: float) -> dict[str, str]:
    message = f"{int(at)}.".encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return {"X-Webhook-Timestamp": str(int(at)), "X-Webhook-Signature": f"sha256={digest}"}


def test_an_unknown_secret_finds_nothing(line: Line) -> None:
    line.running()

    response = Client().post(f"/webhooks/eachlabs/{'A' * 43}", b"{}", "application/json")

    refused(response, 404, "not_found", None)
    assert not ProviderEvent.objects.exists()
    assert waiting() == []


@pytest.mark.parametrize("path", ["/webhooks/eachlabs/short", "/webhooks/other/" + "A" * 43])
def test_an_address_that_nobody_gave_out_finds_nothing(db: None, path: str) -> None:
    refused(Client().post(path, b"{}", "application/json"), 404, "not_found", None)


def test_unsigned_is_accepted_where_the_address_is_the_secret(line: Line) -> None:
    generation = line.running()
    line.upstream.finish(line.upstream.job)

    response = line.webhook()

    assert (response.status_code, response.json()) == (200, {"received": True})
    assert waiting() == ["handle_provider_event"]
    line.held(generation, "running")  # it is looked at later
    run_all()
    line.charged(generation, 451_600)
    assert ProviderEvent.objects.get().handled_at is not None


def test_the_documented_vector_is_verified(
    upstream: Upstream, clock: time_machine.Traveller
) -> None:
    provider = registry.get("eachlabs")
    clock.move_to(datetime.fromtimestamp(1_767_225_600, UTC))
    headers = {
        "x-webhook-timestamp": "1767225600",
        "x-webhook-signature": f"sha256={VECTOR_SIGNATURE}",
    }

    assert provider.is_signed_by("whsec_test", headers, VECTOR)
    assert not provider.is_signed_by("whsec_test", headers, VECTOR + b" ")
    assert not provider.is_signed_by("whsec_tes", headers, VECTOR)


def test_a_right_signature_is_accepted(line: Line) -> None:
    line.running()
    body = line.upstream.webhook()
    secret = Attempt.objects.get().webhook_secret

    response = line.webhook(body, **signed(secret, body, time.time()))

    assert response.status_code == 200
    assert ProviderEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "age_seconds"),
    [
        ({}, 301),
        ({}, -302),
        ({"X-Webhook-Signature": "sha256=" + "0" * 64}, 0),
        ({"X-Webhook-Signature": ""}, 0),
        ({"X-Webhook-Signature": "sha256=é"}, 0),
        ({"X-Webhook-Timestamp": ""}, 0),
        ({"X-Webhook-Timestamp": "²"}, 0),
        ({"X-Webhook-Timestamp": "9" * 13}, 0),
    ],
)
def test_a_wrong_signature_is_refused(line: Line, change: dict[str, str], age_seconds: int) -> None:
    line.running()
    body = line.upstream.webhook()
    secret = Attempt.objects.get().webhook_secret

    response = line.webhook(body, **{**signed(secret, body, time.time() - age_seconds), **change})

    refused(response, 400, "invalid_request", "X-Webhook-Signature")
    assert not ProviderEvent.objects.exists()
    assert waiting() == []


def test_the_same_body_is_stored_once(line: Line) -> None:
    line.running()
    line.upstream.finish(line.upstream.job)

    answers = [line.webhook().json() for _ in range(3)]

    assert answers == [{"received": True}] * 3
    assert ProviderEvent.objects.count() == 1
    assert waiting() == ["handle_provider_event"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'"job-1"',
        b"{}",
        b'{"exec_id": 7}',
        b'{"exec_id": ""}',
        b"[" * 100_000,
        b'{"exec_id": "job-\\u0000"}',
        b'{"exec_id": "' + b"j" * 200 + b'"}',
    ],
)
@pytest.mark.parametrize("state", ["running", "unknown"])
def test_garbage_is_stored_and_ignored(line: Line, body: bytes, state: str) -> None:
    generation = line.running() if state == "running" else line.unknown()

    assert line.webhook(body).status_code == 200
    run_all()

    event = ProviderEvent.objects.get()
    assert event.body_sha256 == hashlib.sha256(body).hexdigest()
    assert event.handled_at is not None
    line.held(generation, state)


def test_what_names_another_job_is_ignored(line: Line) -> None:
    generation = line.running()
    line.upstream.finish(line.upstream.job)

    line.webhook(json.dumps({"exec_id": "job-7", "status": "succeeded"}).encode())
    run_all()

    line.held(generation, "running")
    assert Attempt.objects.get().job_id == "job-1"
    assert ProviderEvent.objects.get().handled_at is not None


def test_a_lost_attempt_does_not_take_the_job_of_another(line: Line) -> None:
    line.running()
    generation = line.unknown(arrived=False)
    lost = Attempt.objects.get(generation=generation)

    response = Client().post(
        f"/webhooks/eachlabs/{lost.webhook_secret}",
        {"exec_id": "job-1", "status": "succeeded"},
        content_type="application/json",
    )
    run_all()

    assert response.status_code == 200
    assert ProviderEvent.objects.get().handled_at is not None
    lost.refresh_from_db()
    assert (lost.state, lost.job_id) == ("unknown", "")
    assert line.now(generation).state == "unknown"


def test_a_job_that_only_the_webhook_knows_is_polled_from_then_on(line: Line) -> None:
    """The provider knows it a moment later than it says, and the worker that submitted is dead."""
    generation = line.unknown()
    path, body = line.upstream.webhook_path(), line.upstream.webhook()
    job = line.upstream.jobs.pop("job-1")

    Client().post(path, body, content_type="application/json")
    run_all()
    line.held(generation, "running")
    line.upstream.jobs["job-1"] = job
    line.upstream.finish(job)
    line.sweep(10)

    line.charged(generation, 451_600)


def test_a_failure_is_not_believed(line: Line) -> None:
    generation = line.running()

    line.webhook(line.upstream.webhook(status="failed"))
    run_all()

    line.held(generation, "running")


def test_a_body_that_is_too_large_is_refused(line: Line) -> None:
    line.running()

    response = line.webhook(b" " * 1_000_001)

    refused(response, 400, "invalid_request", None)
    assert not ProviderEvent.objects.exists()
    assert waiting() == []


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_only_a_post_is_heard(line: Line, method: str) -> None:
    line.running()

    response = getattr(Client(), method)(line.upstream.webhook_path())

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert not ProviderEvent.objects.exists()


def test_the_answer_does_not_wait_for_the_provider(line: Line) -> None:
    generation = line.running()
    line.upstream.finish(line.upstream.job)
    line.upstream.down = True

    assert line.webhook().status_code == 200
    run_all()

    assert ProviderEvent.objects.get().handled_at is None
    line.held(generation, "running")
    line.upstream.down = False
    lose_tasks()
    line.sweep(31)
    line.charged(generation, 451_600)
    assert ProviderEvent.objects.get().handled_at is not None
