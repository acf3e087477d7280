"""Usage on account for organizations that an operator approved: how much may be open, and what is open.

A line is grants that `receivable` funds, so what they pay for is known by construction. How much of it is
available follows from the limit, from what is held and used, and from the invoices that were paid: `adjust`
brings the grants there, however we came here.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from accounts import audit
from accounts.models import Organization, User
from billing import customers, invoice_reversals, ledger
from billing.errors import SandboxPaysNothing
from billing.models import CreditLine, Grant, Invoice, Transfer, Wallet
from billing.stripe_gateway import usage
from billing.stripe_gateway.connection import StripeRefused
from seedance_saas import queue
from seedance_saas.api import usd
from seedance_saas.errors import InvalidRequest

logger = logging.getLogger(__name__)

State, Closure = CreditLine.State, CreditLine.Closure
NET_DAYS_MAX = 90
LIMIT_CENTS_MAX = 1_000_000_00
TRY_AGAIN = timedelta(minutes=1)  # if the task that opens it was lost
REFUSED_AGAIN = timedelta(hours=1)
TAKEN_BACK = "taken_back:"  # how the references of uses begin that the operator does not charge


@dataclass(frozen=True)
class Standing:
    """Where the money of a line is now. Reads no lock."""

    limit_microusd: int
    available_microusd: int
    held_microusd: int
    # Used, and not paid, or paid and taken back by a bank; below zero what was paid and is given back.
    open_microusd: int


@transaction.atomic
def approve(
    organization: Organization,
    *,
    limit_cents: int,
    net_days: int,
    actor: User,
    address: str | None = None,
) -> CreditLine:
    """Give the organization a line, or another limit; Stripe's subscription is made by a task.

    `net_days` are for paying an invoice; 0 charges the saved card. They hold for subscriptions made from now on.
    A limit below what is open takes nothing back that runs. Whoever opens what the operator closed has made up his
    mind about what banks took back of its invoices: that is forgiven. Raises InvalidRequest, SandboxPaysNothing.
    One audit row, and none for a repeat, which changes nothing. Locks the wallet.
    """
    if organization.is_sandbox:
        raise SandboxPaysNothing
    if not 0 < limit_cents <= LIMIT_CENTS_MAX:
        raise InvalidRequest(
            f"The limit must be more than $0.00 and at most ${LIMIT_CENTS_MAX / 100:,.2f}.",
            param="limit_usd",
        )
    if not 0 <= net_days <= NET_DAYS_MAX:
        raise InvalidRequest(f"The days to pay must be 0 to {NET_DAYS_MAX}.", param="net_days")
    ledger.lock(organization)
    before = CreditLine.objects.filter(organization=organization).first()
    forgiven_microusd = 0
    line, is_new = CreditLine.objects.get_or_create(
        organization=organization, defaults={"limit_cents": limit_cents, "net_days": net_days}
    )
    line.limit_cents, line.net_days = limit_cents, net_days
    if is_new or line.closure == Closure.OPERATOR:
        forgiven_microusd = invoice_reversals.forgive(organization)
        line.state, line.closure = State.OPENING, ""
        line.openings_count += 1
        line.due_at = timezone.now() + TRY_AGAIN
        queue.enqueue("billing.tasks.open_line", organization.pk)
    line.save()
    adjust(organization)
    line.refresh_from_db()
    old, new = _terms(before) if before else {}, _terms(line)
    if old != new:
        audit.note(
            organization,
            "credit_line.approved",
            organization.pk,
            actor=actor,
            address=address,
            before=old,
            after=new | ({"forgiven_usd": usd(forgiven_microusd)} if forgiven_microusd else {}),
        )
    return line


def _terms(line: CreditLine) -> dict[str, object]:
    return {
        "limit_usd": usd(line.limit_cents * 10_000),
        "net_days": line.net_days,
        "state": line.state,
    }


def open(line: CreditLine) -> None:
    """Make Stripe's subscription, or keep the one that was about to end; then let the line be used.

    A repeat makes no second one. What Stripe refuses is kept with the line and asked again an hour later, or when the
    customer has changed there: with tax, it wants an address first. Asks Stripe: no transaction may be open.
    """
    if line.state != State.OPENING:
        return
    try:
        subscription_id = _subscription(line)
    except StripeRefused as refused:
        logger.error("credit_line.not_opened organization=%s why=%s", line.pk, refused.message)
        # Under the same name Stripe would refuse it for a day, whatever has changed.
        CreditLine.objects.filter(pk=line.pk, state=State.OPENING).update(
            refusal=refused.message,
            due_at=timezone.now() + REFUSED_AGAIN,
            openings_count=F("openings_count") + 1,
        )
        return
    organization = line.organization
    with transaction.atomic():
        ledger.lock(organization)
        line.refresh_from_db()
        if line.state == State.OPENING:
            line.state, line.due_at, line.refusal = State.OPEN, None, ""
        elif line.closure == Closure.OPERATOR:
            queue.enqueue("billing.tasks.end_line", subscription_id)
        line.subscription_id = subscription_id
        line.save()
        follow_invoices(organization)


def ask_again(customer_id: str) -> None:
    """Something about the customer has changed at Stripe: what was refused may be opened now."""
    CreditLine.objects.filter(
        state=State.OPENING, organization__stripe_customer__stripe_id=customer_id
    ).exclude(refusal="").update(due_at=timezone.now())


def _subscription(line: CreditLine) -> str:
    """The id of the one that lives, kept if it was about to end, or else of a new one. Raises StripeRefused."""
    customer_id = customers.ensure(line.organization).stripe_id
    # Of one that was made a day ago and whose answer was lost, Stripe has forgotten the key.
    if subscription_id := usage.subscription_of_customer(customer_id, line.organization_id):
        usage.keep_subscription(subscription_id)
        return subscription_id
    return usage.create_subscription(
        line.organization_id,
        customer_id=customer_id,
        net_days=line.net_days,
        key=f"subscription:{line.organization_id}:{line.openings_count}",
    )


@transaction.atomic
def close(
    organization: Organization,
    why: CreditLine.Closure,
    *,
    reason: str = "",
    actor: User | None = None,
    address: str | None = None,
) -> None:
    """Nothing new is held from the line; what runs ends as usual. A repeat changes nothing. Locks the wallet.

    Closed by the operator, who says the `reason`, its subscription ends with the running month, whose invoice is
    still made.
    """
    ledger.lock(organization)
    line = CreditLine.objects.filter(organization=organization).first()
    if line is None or line.closure in (why, Closure.OPERATOR):
        return
    CreditLine.objects.filter(pk=line.pk).update(state=State.CLOSED, closure=why, due_at=None)
    adjust(organization)
    if why == Closure.OPERATOR and line.subscription_id:
        queue.enqueue("billing.tasks.end_line", line.subscription_id)
    audit.note(
        organization,
        "credit_line.closed",
        organization.pk,
        actor=actor,
        address=address,
        after={"why": why.value} | ({"reason": reason} if reason else {}),
    )
    logger.info("credit_line.closed organization=%s why=%s", organization.pk, why)


def end(subscription_id: str) -> None:
    """Let Stripe's subscription end with the month, unless its line was opened again meanwhile. A repeat is harmless.

    Asks Stripe: no transaction may be open.
    """
    lines = CreditLine.objects.filter(subscription_id=subscription_id)
    if not lines.exclude(closure=Closure.OPERATOR).exists():
        usage.end_subscription(subscription_id)


@transaction.atomic
def follow_invoices(organization: Organization) -> None:
    """Close the line while an invoice is unpaid or disputed, open it when none is any more, and adjust it.

    What the operator closed stays closed, and one that is opening gets there first. Locks the wallet.
    """
    ledger.lock(organization)
    line = CreditLine.objects.filter(organization=organization).first()
    if line is None:
        return
    if line.state != State.OPENING and line.closure != Closure.OPERATOR:
        why = _why_closed(organization)
        if why:
            close(organization, why)
        elif line.state == State.CLOSED:
            CreditLine.objects.filter(pk=line.pk).update(state=State.OPEN, closure="")
            audit.note(organization, "credit_line.reopened", organization.pk)
            logger.info("credit_line.reopened organization=%s", organization.pk)
    adjust(organization)


def _why_closed(organization: Organization) -> CreditLine.Closure | None:
    invoices = Invoice.objects.filter(organization=organization)
    if invoices.filter(disputed_microusd__gt=F("forgiven_microusd")).exists():
        return Closure.DISPUTED
    unpaid = (Invoice.State.OVERDUE, Invoice.State.UNCOLLECTIBLE)
    return Closure.UNPAID if invoices.filter(state__in=unpaid).exists() else None


def adjust(organization: Organization) -> None:
    """Give the line what its limit allows now, or take what it does not allow any more. A repeat moves nothing.

    Under the wallet's lock. What is held or used is never touched: what is held beyond the limit is taken when
    running work gives it back.
    """
    line = CreditLine.objects.filter(organization=organization).first()
    if line is None:
        return
    now = standing(line)
    is_open = line.state == State.OPEN
    room = (now.limit_microusd - now.open_microusd if is_open else 0) - now.held_microusd
    if line.overdrawn_microusd != max(0, -room):
        CreditLine.objects.filter(pk=line.pk).update(overdrawn_microusd=max(0, -room))
    change = max(0, room) - now.available_microusd
    number = Wallet.objects.get(organization=organization).transfers_count
    reference = f"line:{organization.pk}:{number}"
    if change > 0:
        ledger.deposit(
            organization, amount_microusd=change, kind=Grant.Kind.INVOICE, reference=reference
        )
    elif change < 0:
        ledger.claw_back(
            organization,
            amount_microusd=-change,
            grants=list(_grants(organization).order_by("id")),
            reference=reference,
            to_account="receivable",
        )


def standing(line: CreditLine) -> Standing:
    return standings([line])[line.organization_id]


def standings(lines: Sequence[CreditLine]) -> dict[str, Standing]:
    """By their organizations, in three queries. What was captured of a line and not taken back was used; what no
    settled invoice asked for is open, and so is what a bank took back of one that was paid."""
    whose = [line.organization_id for line in lines]
    grants = Grant.objects.filter(organization__in=whose, kind=Grant.Kind.INVOICE)
    left = _by_organization(grants, available=Sum("account__balance_microusd", default=0))
    moved = _by_organization(
        Transfer.objects.filter(organization__in=whose, grant__in=grants),
        used=_sum(Q(kind=Transfer.Kind.CAPTURE)),
        taken_back=_sum(Q(kind=Transfer.Kind.CORRECTION, reference__startswith=TAKEN_BACK)),
        held=_sum(Q(kind=Transfer.Kind.HOLD, hold__resolved_at=None)),
    )
    settled = _by_organization(
        Invoice.objects.filter(organization__in=whose, is_settled=True),
        total=Sum(F("usage_microusd") - F("disputed_microusd") + F("forgiven_microusd"), default=0),
    )
    found = {}
    for line in lines:
        id = line.organization_id
        of_line = moved.get(id, {"used": 0, "taken_back": 0, "held": 0})
        paid = settled.get(id, {"total": 0})["total"]
        found[id] = Standing(
            limit_microusd=line.limit_cents * 10_000,
            available_microusd=left.get(id, {"available": 0})["available"],
            held_microusd=of_line["held"],
            open_microusd=of_line["used"] - of_line["taken_back"] - paid,
        )
    return found


def _sum(condition: Q) -> Sum:
    return Sum("amount_microusd", filter=condition, default=0)


def _by_organization(rows: QuerySet[Any], **sums: Sum) -> dict[str, dict[str, int]]:
    found = rows.order_by().values("organization_id").annotate(**sums)
    return {row["organization_id"]: row for row in found}


def _grants(organization: Organization) -> QuerySet[Grant]:
    return Grant.objects.filter(organization=organization, kind=Grant.Kind.INVOICE)
