"""Stripe's books against ours, once a day: what a lost webhook left behind is mended, the rest is shown.

It pages through what Stripe has, not through what we know, so that what we never heard of is found too.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet, Sum
from django.utils import timezone

from accounts.models import Organization
from billing import cards, credit_lines, invoices, purchases
from billing.models import (
    AutoTopUp,
    CreditLine,
    Invoice,
    MeterEvent,
    Purchase,
    Reversal,
    StripeCheck,
    StripeCustomer,
)
from billing.stripe_gateway import books, invoicing, usage
from billing.stripe_gateway.connection import StripeUnavailable
from billing.usage_reports import NAMES
from seedance_saas import queue

logger = logging.getLogger(__name__)

State = MeterEvent.State
FIRST_LOOK = timedelta(days=30)
OVERLAP = timedelta(
    days=1
)  # what was made a moment before the last look may have been unknown to it
ARRIVED = timedelta(hours=1)  # Stripe's sums are not of this moment
RESEND = timedelta(hours=20)  # an identifier that Stripe has certainly not forgotten
SHOWN_MAX = 200


def compare(since: datetime | None = None) -> StripeCheck:
    """One run, from the last finished one on. Healed is what was brought to where Stripe is; a difference is not.

    Asks Stripe: no transaction may be open. If it dies or Stripe goes away, the next one looks as far back.
    """
    check = StripeCheck.objects.create(started_at=timezone.now(), since=since or _since_last())
    run = _Run(check)
    run.payments()
    run.money_back()
    run.movements()
    run.lines_and_cards()
    check.finished_at = timezone.now()
    check.healed, check.differences = run.healed[:SHOWN_MAX], run.differences[:SHOWN_MAX]
    check.objects_count = run.objects_count
    check.save()
    for difference in run.differences:
        logger.error("stripe.difference %s", difference)
    logger.info(
        "stripe.compared objects=%s healed=%s differences=%s",
        run.objects_count, len(run.healed), len(run.differences),
    )  # fmt: skip
    for organization_id in (
        MeterEvent.objects.filter(occurred_at__gte=check.since)
        .order_by("organization_id")
        .values_list("organization_id", flat=True)
        .distinct()
    ):
        queue.enqueue("billing.tasks.compare_usage", organization_id, check.since.isoformat())
    return check


def _since_last() -> datetime:
    checks = StripeCheck.objects.filter(
        subject=StripeCheck.Subject.MONEY, finished_at__isnull=False
    )
    last = checks.order_by("-started_at").first()
    return last.started_at - OVERLAP if last else timezone.now() - FIRST_LOOK


class _Run:
    """What one run has seen, mended and could not mend."""

    def __init__(self, check: StripeCheck) -> None:
        self.since = check.since
        self.objects_count = 0
        self.invoice_ids: dict[str, str] = {}  # at Stripe, by the payments that were asked for
        self.healed: list[str] = []
        self.differences: list[str] = []

    def payments(self) -> None:
        """Every payment that bears a purchase's name is as paid here as there."""
        for listed in books.payments_since(self.since):
            self.objects_count += 1
            if not listed.purchase_id:
                continue  # an invoice's, or of another program
            purchase = Purchase.objects.filter(pk=listed.purchase_id).first()
            if purchase is None:
                self.differences.append(
                    f"{listed.intent_id} is for a purchase that is unknown here"
                )
            elif not _is_as_paid(purchase, listed):
                self._heal(purchase, listed)

    def _heal(self, purchase: Purchase, listed: books.ListedPayment) -> None:
        if self._follow(purchase, listed.intent_id) and _is_as_paid(purchase, listed):
            self.healed.append(f"{purchase.id} is {purchase.state}")
        else:
            self.differences.append(
                f"{listed.intent_id} has {listed.received_cents} cents, and {purchase.id} is"
                f" {purchase.state} with {purchase.total_cents} by {purchase.intent_id or 'no payment'}"
            )

    def money_back(self) -> None:
        """Every refund and dispute is here, in the state that it has there; open ones of old are asked for."""
        for back in books.money_back_since(self.since):
            self.objects_count += 1
            paid = self._paid_by(back.intent_id)
            if paid is None or _is_known(back.stripe_id, back.state):
                continue
            self._follow(paid)
            if _is_known(back.stripe_id, back.state):
                self.healed.append(f"{back.kind} {back.stripe_id} is {back.state}")
            else:
                self.differences.append(f"{back.kind} {back.stripe_id} is {back.state} there only")
        waiting = Reversal.objects.filter(due_at__isnull=False).exclude(
            state=Reversal.State.REQUESTED
        )
        for row in waiting.select_related("purchase__organization", "invoice__organization"):
            before = row.state
            paid = row.purchase or row.invoice
            assert paid is not None, row.id
            self._follow(paid)
            row.refresh_from_db()
            if row.state != before:
                self.healed.append(f"{row.kind} {row.stripe_id} is {row.state}")

    def movements(self) -> None:
        """Every line of Stripe's balance that is about a payment of ours is in our books with its amount.

        The newest line of a refund or a dispute says where its money is: also of one that was made long ago.
        """
        seen: set[str] = set()
        for line in books.movements_since(self.since):
            self.objects_count += 1
            paid = self._paid_by(line.intent_id)
            if paid is None or line.source_id in seen:
                continue
            seen.add(line.source_id)
            if _is_in_books(paid, line):
                continue
            if self._follow(paid) and _is_in_books(paid, line):
                self.healed.append(f"the {line.kind} of {line.source_id} is in {paid.id}")
            else:
                self.differences.append(
                    f"{line.id}: a {line.kind} of {line.amount_cents} cents for {line.source_id} is not in"
                    f" {paid.id}"
                )

    def _paid_by(self, intent_id: str) -> Purchase | Invoice | None:
        """What of ours a payment paid; None for one of another program with the same account."""
        if not intent_id:
            return None
        if purchase := Purchase.objects.filter(intent_id=intent_id).first():
            return purchase
        if intent_id not in self.invoice_ids:
            self.invoice_ids[intent_id] = invoicing.invoice_of_payment(intent_id)
        stripe_id = self.invoice_ids[intent_id]
        return Invoice.objects.filter(stripe_id=stripe_id).first() if stripe_id else None

    def lines_and_cards(self) -> None:
        for line in CreditLine.objects.exclude(subscription_id="").select_related("organization"):
            if not self._try(self._line, line):
                self.differences.append(f"the line of {line.pk} cannot be followed")
        charged = AutoTopUp.objects.filter(is_on=True).values("organization")
        for customer in StripeCustomer.objects.filter(organization__in=charged):
            cards.follow(customer.stripe_id)

    def _line(self, line: CreditLine) -> None:
        """Its invoices are followed; its subscription lives as long as it does, and leaves nothing behind."""
        for stripe_id in invoicing.invoices_of(line.subscription_id, since=self.since):
            self.objects_count += 1
            if not self._try(invoices.follow, stripe_id):
                self.differences.append(f"invoice {stripe_id} cannot be followed")
        if line.state == CreditLine.State.OPENING:
            return
        if usage.has_ended(line.subscription_id):
            if line.closure != CreditLine.Closure.OPERATOR:
                self.healed.append(f"the line of {line.pk} is closed: its subscription has ended")
            credit_lines.close(line.organization, CreditLine.Closure.OPERATOR)
            invoices.ask_for_rest(line)
        else:
            credit_lines.end(line.subscription_id)

    def _follow(self, paid: Purchase | Invoice, intent_id: str = "") -> bool:
        if isinstance(paid, Invoice):
            is_followed = self._try(invoices.follow, paid.stripe_id)
        else:
            is_followed = self._try(purchases.follow, paid, intent_id=intent_id)
        paid.refresh_from_db()
        return is_followed

    def _try(self, follow: Callable[..., object], *what: object, **more: str) -> bool:
        """One that cannot be followed must not hide the others."""
        try:
            follow(*what, **more)
        except StripeUnavailable:
            raise
        except Exception:
            logger.exception("stripe.not_followed %s", what)
            return False
        return True


def _is_as_paid(purchase: Purchase, listed: books.ListedPayment) -> bool:
    credited = purchase.intent_id == listed.intent_id and purchase.state == Purchase.State.PAID
    if listed.is_paid:
        return credited and purchase.total_cents == listed.received_cents
    return not credited


def _is_in_books(paid: Purchase | Invoice, line: books.Movement) -> bool:
    """An invoice may be paid in parts, and beside Stripe: of it only that it is paid is known."""
    if line.kind == "payment" and isinstance(paid, Invoice):
        return paid.state == Invoice.State.PAID
    if line.kind == "payment":
        return line.amount_cents == paid.total_cents
    row = paid.reversals.filter(
        stripe_id=line.source_id, amount_cents=abs(line.amount_cents)
    ).first()
    return row is not None and (row.counted_cents > 0) == (line.amount_cents < 0)


def _is_known(stripe_id: str, state: str) -> bool:
    return Reversal.objects.filter(stripe_id=stripe_id, state=state).exists()


# -- usage ------------------------------------------------------------------------------------------


def compare_usage(organization: Organization, since: datetime) -> StripeCheck | None:
    """What Stripe's meters counted of an organization from a day before `since`, against what we told them.

    What is on its way, came too late or was taken back may be there or not. What is missing and is younger than
    Stripe's memory of identifiers is sent again, which counts nothing twice; what is older is shown, and of a
    line's usage the invoice is corrected. A row only if they differ.
    """
    customer = StripeCustomer.objects.filter(organization=organization).first()
    if customer is None:
        return None
    started_at = timezone.now()
    start, end = _minute(since - OVERLAP), _minute(started_at - ARRIVED)
    meter_ids = usage.meter_ids()
    found: list[str] = []
    for meter, name in NAMES.items():
        told = MeterEvent.objects.filter(
            organization=organization, meter=meter, occurred_at__gte=start, occurred_at__lt=end
        )
        events = told.filter(state=State.SENT)
        if not events or name not in meter_ids:
            continue
        ours, unsure = _sum(events), _sum(told.exclude(state__in=(State.SENT, State.REFUSED)))
        theirs = usage.meter_sum(
            meter_ids[name], customer_id=customer.stripe_id, start=start, end=end
        )
        if ours <= theirs <= ours + unsure:
            continue
        again = (
            events.filter(occurred_at__gt=started_at - RESEND) if theirs < ours else events.none()
        )
        count = again.update(state=State.PENDING, due_at=started_at)
        found.append(
            f"meter {name} of {organization.pk} counts {theirs} and was told {ours}; {count} are sent again"
        )
    if not found:
        return None
    for difference in found:
        logger.error("stripe.difference %s", difference)
    return StripeCheck.objects.create(
        subject=StripeCheck.Subject.USAGE,
        started_at=started_at,
        finished_at=timezone.now(),
        since=start,
        differences=found,
    )


def _sum(events: QuerySet[MeterEvent]) -> int:
    return int(events.aggregate(total=Sum("value_microusd", default=0))["total"])


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
