"""The straight line in single steps, and the questions that many tests ask at their end."""

from typing import TYPE_CHECKING, Any

import httpx
import time_machine
from django.db.models import QuerySet
from django.test import Client
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from accounts.models import Event, IdempotencyRecord, Organization
from billing.models import Hold, Transfer, UsageRecord
from generations import fetcher, sweeps, tasks
from generations.models import Attempt, Generation, InputFile, Move
from tests.upstream import Job, Upstream
from tests.world import Api, money

if TYPE_CHECKING:
    from tests.world import Answer

TEXT = "seedance-2.0-fast-text-to-video"
IMAGE = "seedance-2.0-fast-image-to-video"
REFERENCE = "seedance-2.0-reference-to-video"
BODY: dict[str, Any] = {
    "model": TEXT,
    "prompt": "a red kite over a beach",
    "resolution": "480p",
    "duration": 4,
}
HELD = 451_600  # of BODY: 4 s at $0.1129
DEPOSITED = 25_000_000  # what acme has


def waiting() -> list[str]:
    """The names of the tasks in the queue, oldest first."""
    rows = OrmQ.objects.order_by("id")
    return [SignedPackage.loads(row.payload)["func"].split(".")[-1] for row in rows]


def run_next() -> str:
    """Run the oldest task; its name."""
    row = OrmQ.objects.order_by("id")[0]
    task = SignedPackage.loads(row.payload)
    OrmQ.objects.filter(pk=row.pk).delete()
    import_string(task["func"])(*task["args"])
    return str(task["func"].split(".")[-1])


def run_all() -> None:
    """The fetcher, and then every task."""
    fetcher.run()
    while OrmQ.objects.exists():
        run_next()


def lose_tasks() -> None:
    """What the death of every worker and queue leaves: no task at all."""
    OrmQ.objects.all().delete()


class Line:
    def __init__(
        self,
        organization: Organization,
        api: Api,
        upstream: Upstream,
        clock: time_machine.Traveller,
    ) -> None:
        self.organization, self.api, self.upstream = organization, api, upstream
        self.clock = clock

    # -- to a state ---------------------------------------------------------------------------

    def create(self, **fields: Any) -> Generation:
        response = self.api.post("/generations", {**BODY, **fields})
        assert response.status_code == 201, response.content
        return Generation.objects.get(pk=response.json()["id"])

    def prepare(self) -> Generation:
        """Created with a foreign file, and not prepared yet."""
        return self.create(model=IMAGE, image_url="https://acme.example/kite.jpg")

    def submitting(self) -> Generation:
        """Dispatched, and the attempt not sent yet."""
        generation = self.create()
        assert run_next() == "dispatch_queued"
        return self.now(generation)

    def unknown(self, *, arrived: bool = True) -> Generation:
        """The answer to the submit was lost; the provider has the job if it `arrived`."""

        def lose(job: Job) -> httpx.Response:
            if not arrived:
                del self.upstream.jobs[job.id]
            raise httpx.ReadTimeout("lost")

        self.upstream.on_submit = lose
        generation = self.create()
        run_all()
        self.upstream.on_submit = lambda job: None
        return self.now(generation)

    def running(self, **fields: Any) -> Generation:
        generation = self.create(**fields)
        run_all()
        return self.now(generation)

    def collecting(self, *, seconds: int = 4) -> Generation:
        """The provider is done and we know it; nobody collects yet."""
        generation = self.running()
        self.upstream.finish(self.upstream.job, seconds=seconds)
        self.reconcile()
        return self.now(generation)

    # -- on from there ------------------------------------------------------------------------

    def reconcile(self) -> None:
        """What a webhook or a poll would do."""
        tasks.reconcile(Attempt.objects.latest("id").pk)

    def webhook(self, body: bytes | None = None, **headers: str) -> "Answer":
        return Client().post(
            self.upstream.webhook_path(),
            self.upstream.webhook() if body is None else body,
            content_type="application/json",
            headers=headers,
        )

    def sweep(self, seconds: float = 0) -> None:
        """Time passes; then the clock's sweeps run, and all that they enqueue."""
        self.clock.shift(seconds)
        tasks.dispatch_queued()
        sweeps.poll_running()
        sweeps.unstick()
        run_all()

    def now(self, generation: Generation) -> Generation:
        return Generation.objects.get(pk=generation.pk)

    # -- questions ----------------------------------------------------------------------------

    def charged(self, generation: Generation, microusd: int) -> None:
        """It succeeded, and was charged so much, once; everything else went back."""
        generation = self.now(generation)
        assert (generation.state, generation.charged_microusd) == ("succeeded", microusd)
        assert money(self.organization) == (DEPOSITED - microusd, 0)
        hold = Hold.objects.get(reference=generation.reference)
        assert hold.captured_microusd == microusd
        usage = UsageRecord.objects.get(reference=generation.reference)
        assert usage.amount_microusd == microusd
        assert _ends(generation) == ["generation.succeeded"]

    def free(self, generation: Generation, state: str, code: str = "") -> None:
        """It ended so, and all its credits went back, once."""
        generation = self.now(generation)
        assert (generation.state, generation.failure_code) == (state, code)
        assert generation.charged_microusd == 0
        assert money(self.organization) == (DEPOSITED, 0)
        released = Transfer.objects.filter(reference=generation.reference, kind="release")
        assert [row.amount_microusd for row in released] == [generation.held_microusd]
        assert not UsageRecord.objects.exists()
        assert _ends(generation) == [f"generation.{state}"]

    def held(self, generation: Generation, state: str) -> Generation:
        """It is in that state, its credits are held, and nothing was said of an end."""
        generation = self.now(generation)
        assert generation.state == state
        assert money(self.organization) == (
            DEPOSITED - generation.held_microusd,
            generation.held_microusd,
        )
        assert _ends(generation) == []
        return generation


def _ends(generation: Generation) -> list[str]:
    events: QuerySet[Event] = Event.objects.filter(
        organization=generation.organization_id,
        data__id=generation.pk,
        type__in=["generation.succeeded", "generation.failed", "generation.canceled"],
    )
    return list(events.values_list("type", flat=True))


def refused(response: "Answer", status: int, code: str, param: str | None) -> dict[str, Any]:
    """The one error shape, with these words in it; the error itself."""
    assert response.status_code == status, response.content
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert list(error) == ["code", "message", "retryable", "param", "details", "request_id"]
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    assert error["request_id"] == response["X-Request-Id"]
    return error


def nothing_happened(organization: Organization, available_microusd: int = DEPOSITED) -> None:
    """No row of a generation, no task, no movement of money."""
    for model in (Generation, InputFile, Attempt, Move, OrmQ, Hold, Event, IdempotencyRecord):
        assert not model.objects.exists(), model
    assert not Transfer.objects.exclude(kind="deposit").exists()
    assert money(organization) == (available_microusd, 0)
