"""Whatever happens in whatever order, each generation ends, and its hold is resolved once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
import time_machine
from django.db import transaction
from django_q.models import OrmQ
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts import api_keys, organizations, webhooks
from billing import usage
from billing.checking import differences
from billing.models import Hold, Transfer
from generations import attempts, collecting, fetcher, lifecycle, stored_files, sweeps, tasks
from generations.models import Attempt, Generation
from generations.states import FINAL, State
from seedance_saas import queue
from tests.generations.steps import BODY, IMAGE, run_next
from tests.upstream import JPEG, Job, Upstream
from tests.world import Api, deposit, make_user

KITE = "https://acme.example/kite.jpg"
SUBMITS = ("accepted", "refused", "busy", "lost", "never arrived", "broken", "overtaken", "outrun")
DEADLY: list[tuple[Any, str]] = [
    (stored_files, "keep_output"),
    (attempts, "attach"),
    (attempts, "close"),
    (attempts, "job_request"),
    (queue, "enqueue"),
    (usage, "record"),
    (webhooks, "publish"),
    (lifecycle, "accept"),
    (lifecycle, "settle_succeeded"),
    (collecting, "collect"),
    (attempts, "start"),
    (Generation, "move"),
]


class Killed(BaseException):
    pass


class AnyOrder(RuleBasedStateMachine):
    upstream: Upstream
    clock: time_machine.Traveller

    @initialize(how=st.sampled_from(SUBMITS))
    def begin(self, how: str) -> None:
        self.upstream.__init__()  # type: ignore[misc]
        self.upstream.files[KITE] = JPEG
        self.undo = transaction.atomic()
        self.undo.__enter__()
        organization = organizations.create("Acme", owner=make_user())
        deposit(organization, "25.00")
        _, secret = api_keys.issue(organization, "any order")
        self.api = Api(secret)
        self.the_provider_will_answer(how)

    def teardown(self) -> None:
        if hasattr(self, "undo"):
            try:
                self.everything_ends()
            finally:
                transaction.set_rollback(True)
                self.undo.__exit__(None, None, None)

    # -- what may happen ----------------------------------------------------------------------

    @rule(foreign=st.booleans(), duration=st.sampled_from(["auto", 4]))
    def create(self, foreign: bool, duration: object) -> None:
        fields = {"model": IMAGE, "image_url": KITE} if foreign else {}
        self.api.post("/generations", {**BODY, "duration": duration, **fields})

    @rule(how=st.sampled_from(SUBMITS))
    def the_provider_will_answer(self, how: str) -> None:
        self.upstream.on_submit = getattr(self, "_" + how.replace(" ", "_"))

    @rule()
    def files_are_fetched(self) -> None:
        fetcher.run()

    @rule(tasks_count=st.integers(1, 4))
    def tasks_run(self, tasks_count: int) -> None:
        for _ in range(tasks_count):
            if OrmQ.objects.exists():
                run_next()

    @rule(where=st.sampled_from(DEADLY), after=st.booleans())
    def a_worker_dies(self, where: tuple[Any, str], after: bool) -> None:
        with dying(*where, after=after):
            with suppress(Killed), transaction.atomic():
                fetcher.run()
            for _ in range(3):
                if OrmQ.objects.exists():
                    try:
                        with transaction.atomic():
                            run_next()
                    except Killed:
                        OrmQ.objects.all().delete()

    @rule()
    def tasks_are_lost(self) -> None:
        OrmQ.objects.all().delete()

    @rule(seconds=st.sampled_from([0, 1, 3, 16, 31, 80, 130]))
    def time_passes(self, seconds: int) -> None:
        self.clock.shift(seconds)
        tasks.dispatch_queued()
        sweeps.poll_running()
        sweeps.unstick()

    @rule(
        which=st.integers(0, 9),
        how=st.sampled_from(["finish", "fail", "refuse", "cancel", "forget"]),
    )
    def a_job_ends(self, which: int, how: str) -> None:
        running = [job for job in self.upstream.jobs.values() if job.status == "processing"]
        if not running:
            return
        job = running[which % len(running)]
        if how == "finish":
            self.upstream.finish(job)
        elif how == "fail":
            self.upstream.fail(job, "PROVIDER_FAILED")
        elif how == "refuse":
            self.upstream.fail(job, "PROVIDER_REJECTED")
        elif how == "cancel":
            job.status = "cancelled"
        else:
            del self.upstream.jobs[job.id]

    @rule(which=st.integers(0, 9), status=st.sampled_from(["succeeded", "failed"]))
    def a_webhook_comes(self, which: int, status: str) -> None:
        jobs = list(self.upstream.jobs.values())
        if jobs:
            self._webhook(jobs[which % len(jobs)], status)

    @rule(which=st.integers(0, 9))
    def the_customer_cancels(self, which: int) -> None:
        ids = Generation.objects.order_by("id").values_list("id", flat=True)
        if ids:
            response = self.api.post(f"/generations/{ids[which % len(ids)]}/cancel")
            assert response.status_code in {200, 409, 503}

    @rule(down=st.booleans())
    def the_provider_goes_down_or_comes_up(self, down: bool) -> None:
        self.upstream.down = down

    @rule(stubborn=st.booleans())
    def the_provider_cancels_or_will_not(self, stubborn: bool) -> None:
        self.upstream.cancelable = not stubborn

    # -- what holds at every moment -----------------------------------------------------------

    @invariant()
    def a_hold_is_open_as_long_as_its_generation(self) -> None:
        if not hasattr(self, "undo"):
            return
        holds = {hold.reference: hold for hold in Hold.objects.all()}
        for generation in Generation.objects.all():
            hold = holds.pop(generation.reference)
            assert (hold.resolved_at is not None) == generation.is_final
            if generation.is_final:
                assert hold.captured_microusd == generation.charged_microusd
        assert not holds

    @invariant()
    def an_attempt_is_open_only_while_its_generation_is_upstream(self) -> None:
        if not hasattr(self, "undo"):
            return
        upstream = {State.SUBMITTING, State.UNKNOWN, State.RUNNING}
        for generation in Generation.objects.all():
            opened = generation.attempts.filter(state__in=attempts.OPEN).count()
            assert opened == (generation.state in upstream), generation.state

    # -- and at the end -----------------------------------------------------------------------

    def everything_ends(self) -> None:
        self.upstream.down = False
        self.upstream.on_submit = self._accepted
        for _ in range(60):
            if not Generation.objects.exclude(state__in=FINAL).exists():
                break
            for job in self.upstream.jobs.values():
                if job.status == "processing":
                    self.upstream.finish(job)
            self.time_passes(80)
            self.files_are_fetched()
            while OrmQ.objects.exists():
                run_next()
        assert not Generation.objects.exclude(state__in=FINAL).exists()
        for generation in Generation.objects.all():
            moves = Transfer.objects.filter(reference=generation.reference)
            captured = sum(row.amount_microusd for row in moves.filter(kind="capture"))
            released = sum(row.amount_microusd for row in moves.filter(kind="release"))
            assert captured == generation.charged_microusd
            assert captured + released == generation.held_microusd
            assert (captured > 0) == (generation.state == "succeeded")
        jobs = Attempt.objects.exclude(job_id="").values_list("job_id", flat=True)
        assert len(jobs) == len(set(jobs))
        assert differences() == []

    # -- how a submit is answered -------------------------------------------------------------

    def _accepted(self, job: Job) -> None:
        pass

    def _refused(self, job: Job) -> httpx.Response:
        del self.upstream.jobs[job.id]
        return httpx.Response(400, json={"error": "Invalid input for model"})

    def _busy(self, job: Job) -> httpx.Response:
        del self.upstream.jobs[job.id]
        return httpx.Response(429, headers={"Retry-After": "5"})

    def _lost(self, job: Job) -> None:
        raise httpx.ReadTimeout("lost")

    def _never_arrived(self, job: Job) -> None:
        del self.upstream.jobs[job.id]
        raise httpx.ReadTimeout("lost")

    def _broken(self, job: Job) -> httpx.Response:
        return httpx.Response(500)

    def _overtaken(self, job: Job) -> None:
        self.upstream.finish(job)
        self._webhook(job, "succeeded")
        run_next()

    def _outrun(self, job: Job) -> None:
        """Before it is answered, its job has failed and the next attempt may be on its way."""
        self.upstream.on_submit = self._accepted
        self.upstream.fail(job, "PROVIDER_FAILED")
        self._webhook(job, "failed")
        self.tasks_run(4)
        self.time_passes(3)

    def _webhook(self, job: Job, status: str) -> None:
        body = self.upstream.webhook(job, status=status)
        response = self.api.client.post(
            self.upstream.webhook_path(job), body, content_type="application/json"
        )
        assert response.status_code == 200


@contextmanager
def dying(where: Any, name: str, *, after: bool) -> Iterator[None]:
    work = getattr(where, name)

    def die(*args: Any, **kwargs: Any) -> Any:
        if after:
            work(*args, **kwargs)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, name, die)
        yield


@pytest.mark.parametrize("count", [3, pytest.param(25, marks=pytest.mark.thorough)])
def test_in_any_order_each_ends_and_is_paid_once(
    db: None, upstream: Upstream, clock: time_machine.Traveller, count: int
) -> None:
    class Here(AnyOrder):
        pass

    Here.upstream, Here.clock = upstream, clock
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=count,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
