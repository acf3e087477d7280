"""Acme on account: a line, both clocks in step, and what its people and its bank do."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
import time_machine
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Event, Organization, User
from billing import (
    credit_lines,
    customers,
    invoices,
    ledger,
    sweeps,
    usage,
    usage_reports,
)
from billing.ledger import Wanted
from billing.models import CreditLine, Hold, Invoice, MeterEvent, Transfer
from tests.stripe_account import VISA, StripeAccount
from tests.world import money

BEGIN = datetime(2027, 1, 4, 9, 30, 17, tzinfo=UTC)  # a month that has begun already
FEBRUARY, MARCH = datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LABELS = {"model": "seedance-2.0-fast-text-to-video", "resolution": "480p"}
INVOICED, USAGE = "seedance_usage_invoiced", "seedance_usage"


class OnAccount:
    def __init__(
        self,
        organization: Organization,
        operator: User,
        account: StripeAccount,
        clock: time_machine.Traveller,
        run_queue: Callable[[], int],
    ) -> None:
        self.organization, self.operator = organization, operator
        self.account, self.clock, self.run_queue = account, clock, run_queue
        self._number = itertools.count(1)

    # -- what the operator does -------------------------------------------------------------------

    def approve(self, limit_usd: int = 100, net_days: int = 30) -> CreditLine:
        line = credit_lines.approve(
            self.organization,
            limit_cents=limit_usd * 100,
            net_days=net_days,
            actor=self.operator,
        )
        self.run_queue()
        line.refresh_from_db()
        return line

    def close(self) -> None:
        credit_lines.close(self.organization, CreditLine.Closure.OPERATOR, actor=self.operator)

    def take_back(self, reference: str) -> None:
        usage_reports.take_back(
            self.organization, reference, reason="the video was black", actor=self.operator
        )

    # -- what its people do at Stripe -------------------------------------------------------------

    def save_card(self, card: str = "pm_card_visa", *, is_default: bool = True) -> str:
        card = self.client.v1.payment_methods.attach(card, {"customer": self.customer_id}).id
        if is_default:
            self.client.v1.customers.update(
                self.customer_id, {"invoice_settings": {"default_payment_method": card}}
            )
        return card

    def pay(self, invoice: Invoice | None = None, number: str = VISA) -> None:
        """On the invoice's page at Stripe."""
        path = (self.invoice_there(invoice).hosted_invoice_url or "").rpartition("/stripe")[2]
        form = {"number": number, "expiry": "12/34", "cvc": "123"}
        self.account.web("POST", path, data=form)
        self.work()

    # -- what its programs do ---------------------------------------------------------------------

    def hold(self, microusd: int, *, end_user: str = "") -> str:
        reference = f"generation:gen_{next(self._number)}"
        with transaction.atomic():
            ledger.hold(
                self.organization,
                [Wanted(reference, microusd, end_user_id=end_user)],
                now=timezone.now(),
            )
        return reference

    def settle(self, reference: str, microusd: int, *, seconds: int = 4) -> Hold:
        with transaction.atomic():
            hold = ledger.capture(self.organization, reference, amount_microusd=microusd)
            usage.record(self.organization, hold, seconds=seconds, labels=LABELS)
        return hold

    def use(self, microusd: int, *, held: int | None = None, end_user: str = "") -> str:
        """Held (a quarter more, unless told), settled at once; its reference."""
        reference = self.hold(held or microusd * 5 // 4, end_user=end_user)
        self.settle(reference, microusd)
        return reference

    # -- time -------------------------------------------------------------------------------------

    def go_to(self, moment: datetime, *, quietly: bool = False) -> None:
        """Both clocks; and unless `quietly`, what our clock and our queue do then."""
        self.clock.move_to(moment)
        self.account.control("advance", seconds=0)
        if not quietly:
            self.work()

    def go_on(self, by: timedelta, *, quietly: bool = False) -> None:
        self.go_to(timezone.now() + by, quietly=quietly)

    def work(self) -> None:
        """The outbox, the webhooks, the sweeps and the queue, until nothing happens any more."""
        for _ in range(10):
            usage_reports.send_due(seconds_max=60)
            delivered = self.account.deliver()
            sweeps.unstick()
            if not self.run_queue() + delivered:
                return

    def end_month(self, first_day: datetime = FEBRUARY) -> Invoice:
        """The month's draft is made, waits its hour, and is asked for; our row of it."""
        self.go_to(first_day + timedelta(minutes=1))
        self.go_to(first_day + timedelta(minutes=70))
        return self.invoice()

    # -- questions --------------------------------------------------------------------------------

    @property
    def line(self) -> CreditLine:
        return CreditLine.objects.select_related("organization").get(pk=self.organization.pk)

    @property
    def standing(self) -> credit_lines.Standing:
        return credit_lines.standing(self.line)

    @property
    def left(self) -> int:
        """How much of the line may be held now, in micro-dollars."""
        return self.standing.available_microusd

    @property
    def customer_id(self) -> str:
        return customers.ensure(self.organization).stripe_id

    @property
    def client(self) -> stripe.StripeClient:
        return self.account.client

    def invoice(self) -> Invoice:
        """The newest of ours."""
        return Invoice.objects.filter(organization=self.organization).latest("created_at")

    def invoice_there(self, invoice: Invoice | None = None) -> stripe.Invoice:
        return self.client.v1.invoices.retrieve((invoice or self.invoice()).stripe_id)

    def lines_there(self, invoice: Invoice | None = None) -> list[int]:
        """The amounts of its lines, in cents."""
        lines = self.client.v1.invoices.line_items.list((invoice or self.invoice()).stripe_id)
        return [line.amount for line in lines.data]

    def metered(self, name: str, start: datetime, end: datetime) -> int:
        """What Stripe's meter counts for acme, in micro-dollars."""
        meters = self.client.v1.billing.meters.list().data
        (meter,) = [meter for meter in meters if meter.event_name == name]
        found = self.client.v1.billing.meters.event_summaries.list(
            meter.id,
            {
                "customer": self.customer_id,
                "start_time": int(start.replace(second=0).timestamp()),
                "end_time": int(end.replace(second=0).timestamp()),
            },
        )
        return sum(int(one.aggregated_value) for one in found.data)

    def receivable(self) -> int:
        """What acme owes by our books, in micro-dollars, with what it may still use."""
        of_acme = Transfer.objects.filter(organization=self.organization)
        given, back = (
            of_acme.filter(**{way: "receivable"}).aggregate(
                total=Sum("amount_microusd", default=0)
            )["total"]
            for way in ("from_account", "to_account")
        )
        return int(given - back)

    def agrees(self) -> None:
        """What receivable has given to the line is there, held, or owed: nothing else."""
        now = self.standing
        assert self.receivable() == (
            now.available_microusd + now.held_microusd + now.open_microusd
        ), now

    def available(self) -> tuple[int, int]:
        """(available, held) of the line, in micro-dollars, when there is nothing else; and the books agree."""
        self.agrees()
        now = self.standing
        assert money(self.organization) == (now.available_microusd, now.held_microusd)
        return now.available_microusd, now.held_microusd

    def subscriptions(self) -> list[tuple[str, bool]]:
        """(status, whether it ends with the month), the oldest first."""
        found = self.client.v1.subscriptions.list({"customer": self.customer_id, "status": "all"})
        return [(one.status, one.cancel_at_period_end) for one in reversed(found.data)]

    def received(self) -> list[dict[str, Any]]:
        """What Stripe's meters received, the oldest first."""
        return list(reversed(self.account.web("GET", "/control/meter_events").json()["data"]))

    def event_states(self) -> list[str]:
        return sorted(event.state for event in self.events())

    def events(self, **fields: Any) -> list[MeterEvent]:
        return list(
            MeterEvent.objects.filter(organization=self.organization, **fields).order_by("id")
        )

    def told(self, prefix: str) -> list[str]:
        """The types of what acme was told that begin so, the oldest first."""
        events = Event.objects.filter(organization=self.organization, type__startswith=prefix)
        return list(events.order_by("id").values_list("type", flat=True))

    def follow(self, invoice: Invoice | None = None) -> Invoice:
        followed = invoices.follow((invoice or self.invoice()).stripe_id)
        assert followed is not None
        return followed


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Goes on by itself, from BEGIN."""
    with time_machine.travel(BEGIN) as clock:
        yield clock


@pytest.fixture
def on_account(
    clock: time_machine.Traveller,
    stripe_account: StripeAccount,
    make_organization: Callable[..., Organization],
    member_of: Callable[..., User],
    run_queue: Callable[[], int],
) -> OnAccount:
    """Acme without credits of its own, and not approved yet."""
    acme = make_organization("Acme", credits_usd="0")
    return OnAccount(acme, member_of(acme), stripe_account, clock, run_queue)
