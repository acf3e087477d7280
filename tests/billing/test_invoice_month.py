"""A month on account for thirty end users, with credits of one's own mixed in, and all that can go wrong with it.

Stripe's invoice, its two meters, our ledger and the sums of the end users agree, and no second is paid for twice.
The sums of our side are asked of the database here, not of the code that makes invoices.
"""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from billing.models import Grant, MeterEvent
from generations import rate_cards, tasks
from generations.models import Attempt
from tests.billing.on_account import BEGIN, DAY, FEBRUARY, HOUR, INVOICED, MARCH, USAGE, OnAccount
from tests.generations.steps import HELD, Line, run_all
from tests.upstream import Upstream
from tests.world import Api, deposit

LIMIT = 900_000_000
USERS = [f"user-{number:02}" for number in range(30)]
SETTLEMENTS_A_DAY = 12

# What a slice of each hold paid, and for whom: of one month, by whether a line or credits of one's own paid it.
CAPTURED = """
    SELECT hold.end_user_id, sum(transfer.amount_microusd)::bigint
    FROM billing_transfer AS transfer
    JOIN billing_grant AS grants ON grants.id = transfer.grant_id
    JOIN billing_hold AS hold ON hold.id = transfer.hold_id
    WHERE transfer.kind = 'capture' AND (grants.kind = 'invoice') = %s
        AND hold.resolved_at >= %s AND hold.resolved_at < %s
        AND NOT EXISTS (SELECT FROM billing_transfer AS back
            WHERE back.reference = 'taken_back:' || transfer.id AND back.kind = 'correction')
    GROUP BY 1
"""
USED = """
    SELECT end_user_id, sum(amount_microusd)::bigint FROM billing_usagerecord
    WHERE settled_at >= %s AND settled_at < %s GROUP BY 1
"""
# What an invoice says of each end user.
INVOICED_FOR = """
    SELECT usage.end_user_id,
           sum(value_microusd * CASE WHEN event.credited_on_id = %s THEN -1 ELSE 1 END)::bigint
    FROM billing_meterevent AS event
    JOIN billing_usagerecord AS usage ON usage.reference = event.reference
    WHERE event.meter = 'invoiced' AND %s IN (event.invoice_id, event.credited_on_id)
    GROUP BY 1
"""
PAID_TWICE = """
    SELECT hold.reference FROM billing_hold AS hold
    JOIN billing_transfer AS transfer ON transfer.hold_id = hold.id AND transfer.kind = 'capture'
    JOIN billing_grant AS grants ON grants.id = transfer.grant_id
    LEFT JOIN billing_meterevent AS event ON event.id = transfer.id
    GROUP BY hold.id
    HAVING sum(transfer.amount_microusd) <> captured_microusd
        OR sum(transfer.amount_microusd) FILTER (WHERE grants.kind = 'invoice')
            IS DISTINCT FROM sum(event.value_microusd)
        OR bool_or(grants.kind <> 'invoice' AND event.id IS NOT NULL)
"""


def sums(query: str, *params: str | bool | datetime) -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return Counter(dict(cursor.fetchall()))


@pytest.fixture
def line(
    on_account: OnAccount,
    api_for: Callable[[Organization], Api],
    upstream: Upstream,
    clock: time_machine.Traveller,
    settings: Any,
    tmp_path: Path,
) -> Line:
    """The product's own line, from the request to the settled video."""
    default = {**settings.STORAGES["default"], "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    rate_cards.forget_cached()
    return Line(on_account.organization, api_for(on_account.organization), upstream, clock)


class Month:
    """What acme's end users do, from the first day to the last."""

    def __init__(self, on_account: OnAccount, line: Line) -> None:
        self.on_account, self.line = on_account, line
        self.dice = random.Random(20270104)  # noqa: S311  # the same month every time
        self.users = iter(self.dice.sample(USERS, len(USERS)) * 100)

    def use(self, count: int) -> list[str]:
        references = []
        for _ in range(count):
            charged = self.dice.randint(90_000, 2_900_000)
            held = charged + self.dice.randint(0, 1_500_000)
            references.append(self.on_account.use(charged, held=held, end_user=next(self.users)))
        return references

    def generate(self) -> str:
        """A video through the product itself; its reference."""
        generation = self.line.running(end_user_id=next(self.users))
        self.line.upstream.finish(self.line.upstream.jobs[self.job_of(generation.pk)], seconds=4)
        tasks.reconcile(Attempt.objects.get(generation=generation).pk)
        run_all()
        generation.refresh_from_db()
        assert (generation.state, generation.charged_microusd) == ("succeeded", HELD)
        return generation.reference

    def job_of(self, generation_id: str) -> str:
        return Attempt.objects.get(generation_id=generation_id).job_id

    def fault(self, **call: Any) -> None:
        call = {"path": "/v1/billing/meter_events", **call}
        self.on_account.account.control("faults", calls=[call])

    def heal(self) -> None:
        self.on_account.account.web("DELETE", "/control/faults")


@pytest.fixture
def month(on_account: OnAccount, line: Line) -> Month:
    on_account.approve(limit_usd=LIMIT // 1_000_000, net_days=30)
    return Month(on_account, line)


def spend_january(month: Month) -> None:
    acme = month.on_account
    for day in range(28):
        acme.go_to(BEGIN + day * DAY)
        if (
            day % 9 == 3
        ):  # credits of one's own, which are used first, and end in the middle of something
            deposit(
                acme.organization,
                "6.123457",
                kind=Grant.Kind.PROMOTIONAL,
                expires_at=timezone.now() + 2 * DAY,
            )
            deposit(acme.organization, "4.500001")
        if day % 7 == 2:
            acme.account.control("meter_events", refuse=3)
        if day % 7 == 4:  # what was told is told again
            month.fault(times=5, drop=True, after=True)
        if day == 11:  # away until the evening
            month.fault(times=100_000, status=503)
        references = month.use(SETTLEMENTS_A_DAY)
        if day % 7 == 0:
            month.generate()
        acme.work()
        if day == 11:
            acme.go_on(9 * HOUR)
            month.heal()
            acme.go_on(HOUR)
        if day == 15:
            acme.go_on(2 * HOUR)
            acme.take_back(references[5])
            acme.work()
    # The last minutes: Stripe is away over the end of the month.
    acme.go_to(FEBRUARY - timedelta(minutes=10))
    month.fault(times=100_000, status=503)
    month.use(SETTLEMENTS_A_DAY)
    acme.go_to(FEBRUARY + timedelta(minutes=5))
    month.heal()


def end(acme: OnAccount, first_day: datetime) -> None:
    for minutes in (20, 70, 140, 200):
        acme.go_to(first_day + timedelta(minutes=minutes))


def cents(microusd: int) -> int:
    return (2 * microusd + 10_000) // 20_000


@pytest.mark.thorough
def test_a_month_agrees_to_the_cent(month: Month) -> None:
    acme = month.on_account
    spend_january(month)
    end(acme, FEBRUARY)

    # Our ledger, by end user.
    on_line = sums(CAPTURED, True, BEGIN, FEBRUARY)
    prepaid = sums(CAPTURED, False, BEGIN, FEBRUARY)
    used = sums(USED, BEGIN, FEBRUARY)
    (taken_back,) = acme.events(meter="invoiced", state="canceled")
    assert len(on_line) == len(used) == 30
    assert prepaid.total() > 25_000_000
    assert used.total() == on_line.total() + prepaid.total() + taken_back.value_microusd
    assert MeterEvent.objects.filter(meter="usage").count() == 28 * 12 + 12 + 4
    with connection.cursor() as cursor:
        cursor.execute(PAID_TWICE)
        assert cursor.fetchall() == []

    # Stripe's meters have all but what they refused.
    refused = Counter(event.meter for event in acme.events(state="refused"))
    assert refused.total() == 12
    assert refused["invoiced"] > 1
    for name, meter, ours in (
        (USAGE, "usage", used.total()),
        (INVOICED, "invoiced", on_line.total()),
    ):
        lacking = sum(event.value_microusd for event in acme.events(meter=meter, state="refused"))
        assert acme.metered(name, BEGIN, FEBRUARY) == ours - lacking
    # Whose answer was lost and not asked for again within a day was counted all the same: the sums say so.
    assert not acme.events(state="pending")

    # Stripe's invoice.
    january = acme.invoice()
    metered = cents(acme.metered(INVOICED, BEGIN, FEBRUARY))
    assert acme.lines_there() == [metered, cents(on_line.total()) - metered]
    assert acme.invoice_there().total == cents(on_line.total())
    assert (january.state, january.usage_microusd) == ("open", on_line.total())
    assert january.asked_cents == cents(on_line.total())
    assert sums(INVOICED_FOR, january.id, january.id) == on_line

    # What is owed is what was used; nothing of the line is lost.
    assert acme.standing.open_microusd == on_line.total()
    assert acme.left == LIMIT - on_line.total()
    acme.agrees()


@pytest.mark.thorough
def test_the_next_month_gives_back_what_was_taken_back_too_late(month: Month) -> None:
    acme = month.on_account
    references = month.use(40)
    acme.work()
    end(acme, FEBRUARY)
    january = acme.invoice()
    acme.pay()
    assert acme.left == LIMIT
    acme.agrees()

    acme.go_to(FEBRUARY + 3 * DAY)
    acme.take_back(references[7])
    (taken_back,) = acme.events(meter="invoiced", state="canceled")
    month.use(40)
    video = month.generate()
    acme.work()
    end(acme, MARCH)

    on_line = sums(CAPTURED, True, FEBRUARY, MARCH)
    february = acme.invoice()
    asked = on_line.total() - taken_back.value_microusd
    assert (february.state, february.usage_microusd) == ("open", asked)
    assert acme.invoice_there().total == cents(asked)
    assert acme.metered(INVOICED, FEBRUARY, MARCH) == on_line.total()
    of_users = sums(INVOICED_FOR, february.id, february.id)
    assert sum(of_users.values()) == asked
    assert MeterEvent.objects.get(meter="invoiced", reference=video).invoice == february
    assert sum(sums(INVOICED_FOR, january.id, january.id).values()) == january.usage_microusd
    acme.pay()
    assert acme.left == LIMIT
    assert acme.receivable() == LIMIT
    acme.agrees()
