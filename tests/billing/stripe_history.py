"""Whatever can happen to money at Stripe, in any order: acts, time, a bad network, and how it ends."""

import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, ClassVar
from unittest import mock

from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from accounts import organizations
from accounts.models import Role
from billing import comparing, credit_lines, packs, purchases, sweeps, tasks
from billing.checking import differences
from billing.ledger import grants
from billing.models import Purchase, StripeCheck, StripeEvent
from seedance_saas.simulators.stripe import ids
from tests.billing import stripe_books
from tests.billing.stripe_acts import CEILING_CENTS, Acts
from tests.billing.stripe_books import objects
from tests.world import deposit, make_user

# A month ends on the third day. Later than any clock: a signature is refused only when it is old.
START = datetime(2046, 1, 29, 9, 0, tzinfo=UTC)
PAUSES = (timedelta(minutes=2), timedelta(minutes=40), timedelta(hours=3), timedelta(hours=26))
FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 429},
    {"status": 503},
    {"status": 500},
    {"status": 500, "after": True},
    {"drop": True},
    {"drop": True, "after": True},
)
FATES = ("come", "come", "come shuffled", "come twice", "are lost")
# What can happen, by what there must be for it.
ACTS: dict[str, tuple[str, ...]] = {
    "dispute": ("a_dispute_moves", "a_dispute_moves"),
    "purchase": ("the_operator_refunds",) * 3,
    "webhook": ("webhooks", "webhooks"),
    "charge": ("somebody_refunds_in_the_dashboard", "a_bank_disputes", "a_bank_disputes"),
    "refund": ("a_bank_decides_on_a_refund",),
    "page": ("somebody_pays", "somebody_pays"),
    "hold": ("work_ends",) * 3,
    "customer": ("the_card_is_replaced",),
    "": (
        *("somebody_buys", "somebody_buys", "work_begins", "work_begins", "terms_are_set"),
        "stripe_fails",
        *("the_moment_is_looked_for", "the_moment_is_looked_for", "time_passes", "tasks_run"),
        *("tasks_run", "the_clock_strikes", "a_comparison_runs"),
    ),
}
EVERY_ACT = {act for acts in ACTS.values() for act in acts}


class Stripe(Acts, RuleBasedStateMachine):
    """Each history leaves nothing behind."""

    empty: ClassVar[sqlite3.Connection]  # Stripe's books as they were set up
    steps_count: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.now, self.count = START, 0
        self.account.simulator.faults.clear()
        self.empty.backup(self.account.simulator.store.connection)
        self.account.config.clock = lambda: self.now.timestamp()
        self.account.config.stripe_async_seconds = 4 * 3600
        numbers = count(1)
        self.patches: list[Any] = [
            # The same history gives the same ids, and what is sorted by them the same order.
            mock.patch.object(
                ids, "new", lambda prefix, length=24: f"{prefix}{next(numbers):0{length}}"
            ),
            mock.patch.object(timezone, "now", side_effect=lambda: self.now),
            mock.patch.object(packs, "GOOD_FOR", timedelta(days=3)),
            mock.patch.object(grants, "REINSTATED_FOR", timedelta(days=1)),
        ]
        for patch in self.patches:
            patch.start()

    def teardown(self) -> None:
        try:
            self.the_books_are_equal_in_the_end()
        finally:
            for patch in self.patches:
                patch.stop()
            transaction.savepoint_rollback(self.savepoint)

    @initialize(chance=st.randoms(use_true_random=True))
    def two_organizations(self, chance: Random) -> None:
        """The first has bought once, so that there is something to take back and a card to charge."""
        self.chance = chance
        self.operator = make_user()
        self.buyer = organizations.create("Acme", owner=make_user())
        self.user = organizations.create("Rival", owner=make_user())
        self.people = [make_user() for _ in range(2)]
        for person in self.people:
            organizations.add_member(self.buyer, person, Role.OWNER)
        self.tokens, self.holds = ["form"], []
        for number, organization in enumerate((self.buyer, self.user)):
            deposit(organization, "10.00", reference=f"gift:{number}")
        self.buy(self.people[0], 200_00, "form", knows=True, way="pays")
        purchases.follow(Purchase.objects.get())
        self.empty_queue()
        self.terms_are_set(chance)
        if chance.choice((True, False)):
            credit_lines.approve(self.user, limit_cents=100_00, net_days=14, actor=self.operator)

    @rule()
    def something_happens(self) -> None:
        """One rule for all, and a chance of its own: Hypothesis would leave most of many out of a history."""
        act = self.chance.choice(self.possible())
        type(self).steps_count += 1
        self.met[act] += 1
        self.count += 1
        self.now += timedelta(seconds=7)
        note(f"{self.now:%d %H:%M} {act}")
        getattr(self, act)(self.chance)

    def possible(self) -> list[str]:
        """What can happen now. What is named twice happens more often."""
        has = {
            "dispute": bool(objects(self.account, "dispute")),
            "refund": bool(objects(self.account, "refund")),
            "charge": bool(self.charges()),
            "page": bool(self.pages()),
            "webhook": bool(self.account.waiting()),
            "purchase": self.bought("paid").exists(),
            "customer": bool(self.customer_id()),
            "hold": bool(self.holds),
        }
        return [act for needed, acts in ACTS.items() if has.get(needed, True) for act in acts]

    # -- time and the network --------------------------------------------------------------------------

    def time_passes(self, chance: Random) -> None:
        self.now += chance.choice(PAUSES)
        self.account.simulator.catch_up()

    def stripe_fails(self, chance: Random) -> None:
        self.account.control(
            "faults",
            **chance.choice(FAULTS),
            times=chance.randint(1, 3),
            method=chance.choice(["*", "POST"]),
        )

    def webhooks(self, chance: Random) -> None:
        """Some of them, the others later."""
        fate, waiting = chance.choice(FATES), self.account.waiting()
        self.met[f"webhooks {fate}"] += 1
        if fate == "come shuffled":
            chance.shuffle(waiting)
        some = waiting[: chance.randint(1, 6)]
        if fate == "are lost":
            self.lose(some)
        else:
            self.account.deliver(some * (2 if fate == "come twice" else 1))

    def lose(self, waiting: list[Any]) -> None:
        for delivery in waiting:
            self.account.simulator.deliveries.mark(delivery.id, 200)

    def tasks_run(self, chance: Random) -> None:
        """In any order, some twice; the others are left lying."""
        for _ in range(chance.randint(1, 8)):
            if rows := list(OrmQ.objects.order_by("id")[:5]):
                row = chance.choice(rows)
                if chance.choice((True, False, False)):
                    self.run_task(row, is_kept=True)
                self.run_task(row)

    def run_task(self, row: OrmQ, *, is_kept: bool = False) -> None:
        """One that fails stays: the queue brings it again. `is_kept`: whoever ran it died before he could say so."""
        task = SignedPackage.loads(row.payload)
        self.met[task["func"].rpartition(".")[2]] += 1
        is_done = self.ask(lambda: import_string(task["func"])(*task["args"]))
        if is_done and not is_kept:
            OrmQ.objects.filter(pk=row.pk).delete()

    def the_clock_strikes(self, chance: Random) -> None:
        for owner in sweeps.OWNERS:
            owner()  # an error stops the history: `unstick` would hide it
        tasks.send_meter_events()
        tasks.expire_grants()

    def a_comparison_runs(self, chance: Random) -> None:
        self.ask(self.compare)

    def compare(self) -> StripeCheck:
        check = comparing.compare()
        self.met["healed"] += len(check.healed)
        return check

    # -- the end ---------------------------------------------------------------------------------------

    def the_books_are_equal_in_the_end(self) -> None:
        """No webhook comes any more. Stripe answers, time passes, and one comparison mends the rest."""
        self.account.simulator.faults.clear()
        self.lose(self.account.waiting())
        for hours in (0, 0.5, 2, 22, 3):
            self.now += timedelta(hours=hours)
            self.the_clock_strikes(self.chance)
            self.empty_queue()
        first = self.compare()
        self.empty_queue()
        assert first.differences == []
        stripe_books.assert_equal(self.account, [self.buyer, self.user])
        second = self.compare()
        self.empty_queue()
        assert (second.healed, second.differences) == ([], [])
        assert not StripeCheck.objects.filter(subject="usage", started_at__gte=first.started_at)
        assert not StripeEvent.objects.exclude(attempts_count=0), "a webhook could not be handled"
        for month in range(1, 13):
            assert stripe_books.charged_by_itself(month) <= CEILING_CENTS
        assert differences() == []

    def empty_queue(self) -> None:
        while row := OrmQ.objects.order_by("id").first():
            self.run_task(row)
