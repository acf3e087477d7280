"""Where the provider says the job is, in all the words that it has for it, and what follows."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from accounts.models import Event
from generations import tasks
from generations.models import Attempt, Generation
from tests.generations.steps import Line, run_next, waiting


@pytest.mark.parametrize("status", ["created", "starting", "processing", "paused", "", None])
def test_a_job_that_has_not_ended_keeps_running(line: Line, status: str | None) -> None:
    generation = line.running()
    line.upstream.job.answer = {"id": "job-1", "status": status, "output": None}

    line.reconcile()

    line.held(generation, "running")
    assert Attempt.objects.get().state == "accepted"
    assert waiting() == []


URL = "https://cdn-us.eachlabs.ai/v.mp4"


@pytest.mark.parametrize("status", ["success", "succeeded"])
@pytest.mark.parametrize("output", [URL, {"url": URL}, [URL], [{"url": URL}]])
def test_a_job_that_is_done_is_collected(line: Line, status: str, output: Any) -> None:
    generation = line.running()
    line.upstream.job.answer = {"status": status, "predictionID": "job-1", "output": output}

    line.reconcile()
    line.reconcile()

    line.held(generation, "collecting")
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.output_url) == ("succeeded", URL)
    assert waiting() == ["collect"]


@pytest.mark.parametrize(
    ("cost", "microusd"),
    [
        ("0.4516", 451_600),
        ("0.000001", 1),
        ("12.345678", 12_345_678),
        ("0.500002", 500_002),  # one less in binary fractions
        ("0", 0),
        ("3", 3_000_000),
        ('"0.45"', None),
        ("true", None),
        ("null", None),
        ("-0.1", None),
        ("1000.01", None),
        ("1e400", None),
    ],
)
def test_what_it_cost_us_is_kept_exactly(
    line: Line, monkeypatch: pytest.MonkeyPatch, cost: str, microusd: int | None
) -> None:
    line.running()
    line.upstream.finish(line.upstream.job)
    body = f'{{"status": "success", "output": "{URL}", "metrics": {{"cost": {cost}}}}}'
    monkeypatch.setattr(
        line.upstream, "_read", lambda job: httpx.Response(200, text=body), raising=True
    )

    line.reconcile()

    assert Attempt.objects.get().cost_microusd == microusd
    assert microusd is None or Decimal(cost) * 1_000_000 == microusd


def envelope(error_code: str, message: str) -> dict[str, Any]:
    return {
        "id": "job-1",
        "status": "error",
        "logs": None,
        "output": {
            "classification": {"category": "VALIDATION"},
            "error": "Execution failed",
            "error_code": error_code,
            "error_message": message,
            "retryable": False,
            "success": False,
        },
        "metrics": {"predict_time": 3.4, "cost": 0},
    }


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (envelope("INPUT_VALIDATION_ERROR", "Bad size"), "invalid_input", "Bad size"),
        (envelope("PROVIDER_BAD_REQUEST", "No"), "invalid_input", "No"),
        (  # what no database takes as text
            envelope("PROVIDER_BAD_REQUEST", "a \x00 and half a \ud83c"),
            "invalid_input",
            "a � and half a ?",
        ),
        (envelope("PROVIDER_REJECTED", "No"), "content_refused", "No"),
        (envelope("INPUT_DOWNLOAD_ERROR", "404"), "input_unavailable", "404"),
        (envelope("EXECUTION_TIMEOUT", "Slow"), "provider_timeout", "Slow"),
        (
            envelope("PROVIDER_FAILED", "Output failed moderation"),
            "content_refused",
            "Output failed moderation",
        ),
        (
            {"status": "error", "message": "Refused", "details": "content policy"},
            "content_refused",
            "Refused: content policy",
        ),
        (
            {"status": "failed", "error": "Sensitive content", "output": None},
            "content_refused",
            "Sensitive content",
        ),
        (
            {
                "status": "failed",
                "output": [{"id": "", "status": "", "output": "", "error": "Safety check"}],
                "error": "",
            },
            "content_refused",
            "Safety check",
        ),
    ],
)
def test_a_failure_that_would_come_again_ends_it_free(
    line: Line, body: dict[str, Any], code: str, message: str
) -> None:
    generation = line.running()
    line.upstream.job.answer = body

    line.reconcile()
    line.reconcile()

    line.free(generation, "failed", code)
    assert line.now(generation).failure_message == message
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.error_code, attempt.error_message) == ("failed", code, message)


FAULTS = [
    envelope("PROVIDER_FAILED", "It broke."),
    envelope("PROVIDER_RATE_LIMIT", "It broke."),
    envelope("PROVIDER_AUTH_ERROR", "It broke."),
    envelope("PROVIDER_SERVER_ERROR", "It broke."),
    envelope("NETWORK_ERROR", "It broke."),
    envelope("SOMETHING_NEW", "It broke."),
    {"status": "error", "message": "It broke.", "details": ""},
    {"status": "failed", "error": "It broke."},
    {"status": "error", "output": [{"error": "It broke."}], "error": ""},
    {"status": "error", "logs": "It broke."},
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_provider_is_tried_three_times(line: Line, fault: dict[str, Any]) -> None:
    generation = line.running()
    for pause in (2, 10):
        line.upstream.job.answer = fault
        line.reconcile()
        line.held(generation, "queued")
        line.sweep(pause)
        line.held(generation, "running")
    line.upstream.job.answer = fault

    line.reconcile()

    line.free(generation, "failed", "provider_failed")
    assert line.now(generation).failure_message == "It broke."
    assert line.upstream.creates == 3
    assert list(Attempt.objects.values_list("state", flat=True)) == ["failed"] * 3
    # To the customer it began once: a later attempt is no news.
    assert Event.objects.filter(type="generation.running").count() == 1


def test_a_success_after_a_fault_is_charged_once(line: Line) -> None:
    generation = line.running()
    line.upstream.fail(line.upstream.job, "PROVIDER_FAILED")
    line.sweep(30)
    line.sweep(2)
    line.upstream.finish(line.upstream.job)

    line.sweep(30)

    line.charged(generation, 451_600)
    assert line.upstream.creates == 2


def test_what_was_never_started_is_no_fault(line: Line) -> None:
    line.upstream.down = True
    generation = line.running()
    for pause in (2, 10, 30):
        line.sweep(pause)
    line.upstream.down = False
    line.sweep(60)
    line.held(generation, "running")
    assert Attempt.objects.count() == 5

    line.upstream.fail(line.upstream.job, "PROVIDER_FAILED")
    line.reconcile()

    line.held(generation, "queued")


def test_a_job_that_the_provider_does_not_know_for_a_minute_is_lost(line: Line) -> None:
    generation = line.running()
    line.clock.shift(600)
    line.upstream.jobs.clear()

    line.reconcile()
    line.clock.shift(55)
    line.reconcile()
    line.held(generation, "running")
    line.clock.shift(10)
    line.reconcile()

    line.free(generation, "failed", "provider_lost")


def test_a_job_that_is_known_again_goes_on(line: Line) -> None:
    """The provider's door had two bad moments, an hour of work between them."""
    generation = line.running()
    job = line.upstream.job
    for _ in range(2):
        line.upstream.jobs.clear()
        line.reconcile()
        line.upstream.jobs[job.id] = job
        line.clock.shift(600)
        line.reconcile()
        line.held(generation, "running")
    line.upstream.finish(job)

    line.sweep(40)

    line.charged(generation, 451_600)


@pytest.mark.parametrize("status", ["cancelled", "canceled"])
def test_a_job_that_the_provider_canceled_by_itself_is_free(line: Line, status: str) -> None:
    generation = line.running()
    line.upstream.job.status = status

    line.reconcile()

    line.free(generation, "failed", "provider_canceled")
    assert Attempt.objects.get().state == "canceled"


@pytest.mark.parametrize("status", [500, 503, 429, 401])
def test_a_provider_that_cannot_say_is_asked_again(
    line: Line, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    generation = line.running()
    with monkeypatch.context() as patch:
        patch.setattr(line.upstream, "_read", lambda job: httpx.Response(status))
        line.sweep(30)
    line.held(generation, "running")

    line.upstream.finish(line.upstream.job)
    line.sweep(60)

    line.charged(generation, 451_600)


def test_an_answer_about_an_attempt_does_not_end_the_next(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one poll waits for its answer, another one has followed, and the next attempt runs."""
    generation = line.running()
    first = Attempt.objects.get()
    read = line.upstream._read

    def slow(job: Any) -> httpx.Response:
        answer = read(job)
        monkeypatch.setattr(line.upstream, "_read", read)
        tasks.reconcile(first.pk)
        line.sweep(2)
        line.held(generation, "running")
        return answer

    line.upstream.fail(line.upstream.job, "PROVIDER_FAILED")
    monkeypatch.setattr(line.upstream, "_read", slow)

    tasks.reconcile(first.pk)

    line.held(generation, "running")
    assert list(Attempt.objects.order_by("number").values_list("number", "state")) == [
        (1, "failed"),
        (2, "accepted"),
    ]


def test_the_poll_is_frequent_at_first_and_then_every_half_minute(line: Line) -> None:
    generation = line.running()
    pauses = []
    for _ in range(40):
        due = Generation.objects.get(pk=generation.pk).due_at
        line.clock.move_to(due)
        line.sweep(0.1)
        pauses.append(round((line.now(generation).due_at - due).total_seconds()))

    assert pauses[:3] == [3, 4, 5]
    assert pauses[-10:] == [30] * 10


def test_a_late_contradiction_changes_nothing(line: Line) -> None:
    generation = line.collecting()
    assert run_next() == "collect"
    line.upstream.fail(line.upstream.job, "PROVIDER_FAILED")

    line.webhook()
    line.sweep(60)

    line.charged(generation, 451_600)
