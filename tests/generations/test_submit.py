"""An attempt is sent once, and every answer, or none, leads somewhere."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import httpx
import pytest
from django.db import connection

from generations import tasks
from generations.models import Attempt, Generation
from tests.generations.steps import Line, lose_tasks, run_all, run_next, waiting
from tests.upstream import JPEG, Job, served


def answer(line: Line, status: int, body: Any = None, **headers: str) -> None:
    """The provider answers creates so, and starts nothing."""

    def refuse(job: Job) -> httpx.Response:
        del line.upstream.jobs[job.id]
        if isinstance(body, bytes):
            return httpx.Response(status, content=body, headers=headers)
        return httpx.Response(status, json=body, headers=headers)

    line.upstream.on_submit = refuse


def lose(line: Line, error: Exception, *, arrived: bool) -> None:
    def on_submit(job: Job) -> None:
        if not arrived:
            del line.upstream.jobs[job.id]
        raise error

    line.upstream.on_submit = on_submit


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_we_wait_for_the_network(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[str] = []

    def outside(name: str, answer: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
        def watched(*args: Any) -> httpx.Response:
            assert not connection.in_atomic_block, name
            waits.append(name)
            return answer(*args)

        return watched

    monkeypatch.setattr(line.upstream, "_create", outside("submit", line.upstream._create))
    monkeypatch.setattr(line.upstream, "_read", outside("read", line.upstream._read))
    kite = "https://acme.example/kite.jpg"
    line.upstream.files[kite] = outside("input", lambda request: served(JPEG))
    generation = line.prepare()
    run_all()
    line.upstream.finish(line.upstream.job)
    (video,) = set(line.upstream.files) - {kite}
    content = line.upstream.files[video]
    assert isinstance(content, bytes)
    line.upstream.files[video] = outside("output", lambda request: served(content))

    line.reconcile()
    run_all()

    assert line.now(generation).state == "succeeded"
    assert waits == ["input", "submit", "read", "output"]


def test_a_task_that_is_delivered_twice_sends_once(line: Line) -> None:
    generation = line.submitting()
    attempt = Attempt.objects.get()

    tasks.submit(attempt.pk)
    tasks.submit(attempt.pk)

    assert line.upstream.creates == 1
    line.held(generation, "running")
    attempt.refresh_from_db()
    assert (attempt.number, attempt.state, attempt.job_id) == (1, "accepted", "job-1")


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_moment_send_once(line: Line) -> None:
    generation = line.submitting()
    attempt = Attempt.objects.get()
    start = Barrier(2)

    def work() -> None:
        start.wait()
        try:
            tasks.submit(attempt.pk)
        finally:
            connection.close()

    workers = [Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert line.upstream.creates == 1
    line.held(generation, "running")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"status": 429, "error": "too many requests", "details": "Account rate limited"}),
        (402, {"status": 402, "error": "payment required", "details": "the estimated cost"}),
        (401, {"error": "Invalid or missing API key"}),
        (403, {"status": "error", "message": "Forbidden"}),
    ],
)
def test_what_is_ours_to_mend_queues_again_and_succeeds_later(
    line: Line, status: int, body: dict[str, Any]
) -> None:
    answer(line, status, body)
    generation = line.running()

    line.held(generation, "queued")
    assert Attempt.objects.get().state == "not_started"
    line.upstream.on_submit = lambda job: None
    line.sweep(1)
    assert line.upstream.creates == 1  # the pause is two seconds
    line.sweep(1)
    assert line.upstream.creates == 2
    line.held(generation, "running")
    assert [row.number for row in Attempt.objects.order_by("id")] == [1, 2]


def test_a_provider_that_is_not_reached_is_tried_again(line: Line) -> None:
    line.upstream.down = True
    generation = line.running()

    line.held(generation, "queued")
    line.upstream.down = False
    line.sweep(2)
    line.held(generation, "running")
    assert line.upstream.creates == 1


@pytest.mark.parametrize(("retry_after", "seconds"), [("30", 30), ("0", 2), ("soon", 2), ("-5", 2)])
def test_the_provider_says_how_long_to_wait(line: Line, retry_after: str, seconds: int) -> None:
    answer(line, 429, {"error": "too many requests"}, **{"Retry-After": retry_after})
    generation = line.running()
    line.upstream.on_submit = lambda job: None

    line.sweep(seconds - 1)
    line.held(generation, "queued")
    line.sweep(1)
    line.held(generation, "running")


def test_the_pauses_grow_to_a_minute(line: Line) -> None:
    answer(line, 429, {})
    line.running()
    for seconds in (2, 10, 30, 60, 60):
        creates = line.upstream.creates
        line.sweep(seconds - 1)
        assert line.upstream.creates == creates
        line.sweep(1)
        assert line.upstream.creates == creates + 1


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (400, {"error": "Invalid input for model"}, "invalid_input", "Invalid input for model"),
        (
            400,
            {"status": "error", "message": "Bad image", "details": "too small"},
            "invalid_input",
            "Bad image: too small",
        ),
        (404, {"error": "model not found"}, "invalid_input", "model not found"),
        (422, b"<html>", "invalid_input", "no reason given"),
        (
            400,
            {"error": "Blocked by our Content Policy"},
            "content_refused",
            "Blocked by our Content Policy",
        ),
        (
            400,
            {"status": "error", "message": "Rejected", "details": "sensitive content"},
            "content_refused",
            "Rejected: sensitive content",
        ),
    ],
)
def test_a_refusal_ends_it_free_of_charge(
    line: Line, status: int, body: Any, code: str, message: str
) -> None:
    answer(line, status, body)

    generation = line.running()

    line.free(generation, "failed", code)
    assert generation.failure_message == message
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.error_code, attempt.error_message) == ("refused", code, message)
    assert line.upstream.creates == 1


LOST: list[Callable[[Line], None]] = [
    lambda line: lose(line, httpx.ReadTimeout("slow"), arrived=True),
    lambda line: lose(line, httpx.RemoteProtocolError("closed"), arrived=True),
    lambda line: lose(line, httpx.WriteError("broken"), arrived=True),
]


@pytest.mark.parametrize("lost", LOST)
def test_a_job_whose_answer_was_lost_is_found(line: Line, lost: Callable[[Line], None]) -> None:
    lost(line)
    generation = line.running()
    line.held(generation, "unknown")
    assert Attempt.objects.get().state == "unknown"

    line.sweep(2)

    line.held(generation, "running")
    assert line.upstream.creates == 1
    assert Attempt.objects.get().job_id == "job-1"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"error": "Failed to create prediction"}),
        (503, b"upstream connect error"),
        (200, {"status": "success", "message": "Prediction created successfully"}),
        (200, {"status": "success", "predictionID": 7}),
        (200, b"{"),
        (302, b""),
    ],
)
def test_an_answer_that_says_nothing_is_never_sent_again_blindly(
    line: Line, status: int, body: Any
) -> None:
    answer(line, status, body)
    generation = line.running()

    line.held(generation, "unknown")
    for _ in range(10):
        line.sweep(10)
    line.held(generation, "unknown")
    assert line.upstream.creates == 1
    assert Attempt.objects.count() == 1


def test_what_never_arrived_is_sent_again_after_two_minutes(line: Line) -> None:
    generation = line.unknown(arrived=False)

    line.sweep(119)
    line.held(generation, "unknown")
    line.sweep(11)
    line.held(generation, "queued")
    line.sweep(2)

    line.held(generation, "running")
    assert [(row.number, row.state, row.job_id) for row in Attempt.objects.order_by("number")] == [
        (1, "not_started", ""),
        (2, "accepted", "job-2"),
    ]


def test_nothing_is_concluded_while_the_provider_is_down(line: Line) -> None:
    generation = line.unknown(arrived=False)
    line.upstream.down = True

    line.sweep(600)

    line.held(generation, "unknown")
    assert line.upstream.creates == 1


def test_a_job_of_another_attempt_is_not_taken(line: Line) -> None:
    line.running()
    generation = line.unknown(arrived=False)  # the same input, so their jobs look alike

    line.sweep(2)

    assert line.now(generation).state == "unknown"
    assert Attempt.objects.get(generation=generation).job_id == ""


def test_of_two_that_were_lost_each_finds_one(line: Line) -> None:
    first, second = line.unknown(), line.unknown()

    line.sweep(2)

    jobs = Attempt.objects.filter(generation__in=[first, second]).values_list("job_id", flat=True)
    assert sorted(jobs) == ["job-1", "job-2"]
    assert line.upstream.creates == 2


def test_a_webhook_tells_which_attempt_it_is_about(line: Line) -> None:
    generation = line.unknown()
    lose_tasks()

    assert line.webhook().status_code == 200
    run_all()

    line.held(generation, "running")
    assert Attempt.objects.get().job_id == "job-1"


def test_a_refusal_that_comes_after_the_job_was_found_changes_nothing(line: Line) -> None:
    """The webhook overtakes an answer that then says no."""

    def contradict(job: Job) -> httpx.Response:
        line.webhook()
        assert run_next() == "handle_provider_event"
        return httpx.Response(400, json={"error": "Invalid input for model"})

    line.upstream.on_submit = contradict
    generation = line.running()

    line.held(generation, "running")
    assert Attempt.objects.get().state == "accepted"


def test_a_late_answer_of_an_attempt_does_not_move_the_next(line: Line) -> None:
    """The first submit hangs so long that its job has failed and the next attempt is on its way."""

    def hang(job: Job) -> None:
        line.upstream.on_submit = lambda job: None
        line.upstream.fail(job, "PROVIDER_FAILED")
        line.webhook()
        assert run_next() == "handle_provider_event"
        line.clock.shift(2)
        tasks.dispatch_queued()
        assert waiting() == ["submit"]

    line.upstream.on_submit = hang
    generation = line.create()
    assert [run_next(), run_next()] == ["dispatch_queued", "submit"]

    line.held(generation, "submitting")
    assert list(Attempt.objects.order_by("number").values_list("number", "state")) == [
        (1, "failed"),
        (2, "submitting"),
    ]
    run_all()
    assert Generation.objects.get().attempts.get(number=2).job_id == "job-2"
    line.held(generation, "running")
