"""What is posted to a webhook_url, how often, and what the log says of it."""

import json

import httpx
import pytest

from seedance_saas.simulators.eachlabs.messages import webhook_headers
from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import Create, Receiver, wait_until


def test_the_signature_is_that_of_the_documents() -> None:
    body = (
        '{"exec_id":"p1","flow_id":null,"status":"succeeded","output":"https://x/v.mp4","error":""}'
    )

    headers = webhook_headers("whsec_test", 1767225600, body)

    assert headers == {
        "Content-Type": "application/json",
        "User-Agent": "eachlabs-simulator",
        "X-Webhook-Timestamp": "1767225600",
        "X-Webhook-Signature": (
            "sha256=2e79b545374d94b817371b7f9f708dc5afcf65452fe84adc99c2bcf3526cb5cb"
        ),
        "X-Webhook-Secret": "whsec_test",
    }


def test_a_success_is_posted_once_and_signed(
    simulator: SimulatorThread, create: Create, receiver: Receiver
) -> None:
    job_id = create(webhook_url=receiver.url, webhook_secret="whsec_1").json()["id"]
    create(webhook_url=receiver.url)

    signed, unsigned = sorted(
        receiver.wait_for(2), key=lambda post: job_id.encode() not in post.body
    )

    assert json.loads(signed.body) == {
        "exec_id": job_id,
        "flow_id": None,
        "status": "succeeded",
        "output": f"{simulator.url}/cdn/{job_id}.mp4",
        "error": "",
    }
    timestamp = int(signed.headers["X-Webhook-Timestamp"])
    expected = webhook_headers("whsec_1", timestamp, signed.body.decode())
    assert expected.items() <= signed.headers.items()
    assert not [name for name in unsigned.headers if name.startswith("X-Webhook")]


def test_a_failure_has_its_reason_in_the_output(create: Create, receiver: Receiver) -> None:
    job_id = create("simulate: fail timeout", webhook_url=receiver.url).json()["id"]

    (post,) = receiver.wait_for(1)

    reason = {"id": "", "status": "", "output": "", "error": "Error: The execution timed out."}
    assert json.loads(post.body) == {
        "exec_id": job_id,
        "flow_id": None,
        "status": "failed",
        "output": [reason],
        "error": "",
    }


def test_dialect_a_has_no_flow_id(
    simulator: SimulatorThread, create: Create, receiver: Receiver
) -> None:
    simulator.config.dialect = "A"
    create(webhook_url=receiver.url)

    (post,) = receiver.wait_for(1)

    assert list(json.loads(post.body)) == ["exec_id", "status", "output", "error"]


def test_three_attempts_with_the_same_words_and_then_never_again(
    api: httpx.Client, create: Create, receiver: Receiver
) -> None:
    receiver.statuses += [500, 404, 302, 500]
    job_id = create(webhook_url=receiver.url, webhook_secret="s").json()["id"]

    def attempts() -> list[int]:
        log = api.get(f"/v1/webhooks/{job_id}").json()
        return [attempt["status_code"] for attempt in log.get("attempts", [])]

    wait_until(lambda: attempts() == [500, 404, 302])
    later = create(webhook_url=receiver.url).json()["id"]  # takes the fourth answer, then succeeds
    posts = receiver.wait_for(5)

    mine = [post for post in posts if job_id.encode() in post.body]
    assert len({(post.body, post.headers["X-Webhook-Signature"]) for post in mine}) == 1
    assert len(mine) == 3
    assert [later.encode() in post.body for post in posts] == [False, False, False, True, True]


def test_the_log_tells_of_each_attempt(
    api: httpx.Client, create: Create, receiver: Receiver
) -> None:
    receiver.statuses += [503]
    job_id = create(webhook_url=receiver.url, webhook_secret="s").json()["id"]
    wait_until(lambda: len(api.get(f"/v1/webhooks/{job_id}").json().get("attempts", [])) == 2)

    log = api.get(f"/v1/webhooks/{job_id}").json()
    listed = api.get("/v1/webhooks").json()

    first, second = log.pop("attempts")
    assert first | {"created_at": ""} == {
        "status": "FAILED",
        "status_code": 503,
        "response": "seen",
        "error_message": "status 503",
        "created_at": "",
    }
    assert (second["status"], second["status_code"]) == ("SUCCESS", 200)
    assert log["url"] == receiver.url
    assert json.loads(log["request"])["exec_id"] == job_id
    assert "X-Webhook-Secret" not in log["headers"]
    assert listed == {"webhooks": [log], "limit": 50, "offset": 0, "total_count": 1}
    assert api.get("/v1/webhooks/nothing").status_code == 404


def test_nobody_at_the_address_is_a_failed_attempt(api: httpx.Client, create: Create) -> None:
    job_id = create(webhook_url="http://127.0.0.1:9/hook").json()["id"]

    wait_until(lambda: len(api.get(f"/v1/webhooks/{job_id}").json().get("attempts", [])) == 3)

    attempt = api.get(f"/v1/webhooks/{job_id}").json()["attempts"][2]
    assert (attempt["status"], attempt["status_code"]) == ("FAILED", None)


def test_the_webhook_overtakes_a_slow_answer(create: Create, receiver: Receiver) -> None:
    job_id = create("simulate: slow answer 1", webhook_url=receiver.url).json()["id"]

    assert [job_id.encode() in post.body for post in receiver.posts] == [True]


def test_no_webhook_on_order(create: Create, receiver: Receiver) -> None:
    create("simulate: no webhook", webhook_url=receiver.url)
    other = create(webhook_url=receiver.url).json()["id"]

    assert [other.encode() in post.body for post in receiver.wait_for(1)] == [True]


def test_the_same_webhook_twice_on_order(create: Create, receiver: Receiver) -> None:
    create("simulate: webhook twice", webhook_url=receiver.url)

    first, second = receiver.wait_for(2)

    assert first.body == second.body


def test_a_late_contradiction_on_order(create: Create, receiver: Receiver) -> None:
    create("simulate: webhook late contradiction", webhook_url=receiver.url)

    posts = receiver.wait_for(2)

    assert [json.loads(post.body)["status"] for post in posts] == ["succeeded", "failed"]


@pytest.mark.parametrize("secret", ["whsec_1"])
def test_a_bad_signature_on_order(create: Create, receiver: Receiver, secret: str) -> None:
    create("simulate: webhook bad signature", webhook_url=receiver.url, webhook_secret=secret)

    (post,) = receiver.wait_for(1)

    timestamp = int(post.headers["X-Webhook-Timestamp"])
    good = webhook_headers(secret, timestamp, post.body.decode())
    assert post.headers["X-Webhook-Signature"] != good["X-Webhook-Signature"]
    assert post.headers["X-Webhook-Secret"] != secret
