"""Usage on account for organizations that an operator approved: how much may be open, and what is open.

A line is grants that `receivable` funds, so what they pay for is known by construction. How much of it is
available follows from the limit, from what is held and used, and from the invoices that were paid: `adjust`
brings the grants there, however we came here.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from accounts import audit
from accounts.models import Organization, User
from billing import customers, ledger
from billing.errors import SandboxPaysNothing
from billing.models import CreditLine, Grant, Invoice, Transfer, Wallet
from billing.stripe_gateway import usage
from seedance_saas import queue
from seedance_saas.api import usd
from seedance_saas.errors import InvalidRequest

logger = logging.getLogger(__name__)

State, Closure = CreditLine.State, CreditLine.Closure
NET_DAYS_MAX = 90
LIMIT_CENTS_MAX = 1_000_000_00
TAKEN_BACK = (
    "taken_back:"  # the reference of what the operator does not charge: see `usage_reports`
)


@dataclass(frozen=True)
class Standing:
    """Where the money of a line is now. Reads no lock."""

    limit_microusd: int
    available_microusd: int
    held_microusd: int
    open_microusd: int  # used, and not paid yet


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
    A limit below what is open takes nothing back that runs. Raises InvalidRequest, SandboxPaysNothing. One audit row,
    and none for a repeat, which changes nothing. Locks the wallet.
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
    line, is_new = CreditLine.objects.get_or_create(
        organization=organization,
        defaults={"limit_cents": limit_cents, "net_days": net_days, "due_at": timezone.now()},
    )
    if not is_new:
        CreditLine.objects.filter(pk=line.pk).update(limit_cents=limit_cents, net_days=net_days)
    if is_new or line.closure == Closure.OPERATOR:
        CreditLine.objects.filter(pk=line.pk).update(
            state=State.OPENING, closure="", due_at=timezone.now()
        )
        queue.enqueue("billing.tasks.open_line", organization.pk)
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
            after=new,
        )
    return line


def _terms(line: CreditLine) -> dict[str, object]:
    return {
        "limit_usd": usd(line.limit_cents * 10_000),
        "net_days": line.net_days,
        "state": line.state,
    }


def open(line: CreditLine) -> None:
    """Make Stripe's subscription, then let the line be used. A repeat, or two at once, make no second one.

    Asks Stripe: no transaction may be open.
    """
    if line.state != State.OPENING:
        return
    customer_id = customers.ensure(line.organization).stripe_id
    # One that was made a day ago and whose answer was lost, or one that was to end with this month.
    subscription_id = usage.subscription_of_customer(customer_id, line.organization_id)
    if subscription_id:
        usage.keep_subscription(subscription_id)
    else:
        subscription_id = usage.create_subscription(
            line.organization_id,
            customer_id=customer_id,
            net_days=line.net_days,
            # The same however often it is tried; another one after the line's last subscription has ended.
            key=f"subscription:{line.organization_id}:{line.subscription_id}:{line.net_days}",
        )
    with transaction.atomic():
        ledger.lock(line.organization)
        known = CreditLine.objects.filter(pk=line.pk)
        known.filter(state=State.OPENING).update(
            state=State.OPEN, subscription_id=subscription_id, due_at=None
        )
        # Closed while Stripe was asked: its subscription ends like any other.
        if known.filter(closure=Closure.OPERATOR).update(subscription_id=subscription_id):
            queue.enqueue("billing.tasks.end_line", subscription_id)
        adjust(line.organization)


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


@transaction.atomic
def reopen(organization: Organization, what_closed_it: CreditLine.Closure) -> None:
    """What closed it is settled. A line that something else closed stays closed; a repeat changes nothing.

    Locks the wallet.
    """
    ledger.lock(organization)
    opened = CreditLine.objects.filter(
        organization=organization, state=State.CLOSED, closure=what_closed_it
    ).update(state=State.OPEN, closure="")
    if opened:
        adjust(organization)
        audit.note(organization, "credit_line.reopened", organization.pk)
        logger.info("credit_line.reopened organization=%s", organization.pk)


def adjust(organization: Organization) -> None:
    """Give the line what its limit allows now, or take what it does not allow any more. A repeat moves nothing.

    Under the wallet's lock. What is held or used is never touched.
    """
    line = CreditLine.objects.filter(organization=organization).first()
    if line is None:
        return
    now = standing(line)
    allowed = now.limit_microusd - now.held_microusd - now.open_microusd
    target = max(0, allowed) if line.state == State.OPEN else 0
    change = target - now.available_microusd
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
    """By organization, in three queries however many lines there are.

    What was ever given to a line, less what is left or held, was used; what is not paid of it is open. What was
    taken back is given a second time, so it is counted once.
    """
    organizations = [line.organization_id for line in lines]
    grants = Grant.objects.filter(organization__in=organizations, kind=Grant.Kind.INVOICE)
    given = _by_organization(
        grants,
        ever=Sum("amount_microusd"),
        available=Sum("account__balance_microusd"),
    )
    kind = Transfer.Kind
    corrected = Q(kind=kind.CORRECTION) & ~Q(reference__startswith=TAKEN_BACK)
    moved = _by_organization(
        Transfer.objects.filter(organization__in=organizations, grant__in=grants),
        taken=_sum(Q(kind=kind.CLAW_BACK) | corrected & Q(to_account="write_off")),
        added=_sum(corrected & Q(from_account="write_off")),
        held=_sum(Q(kind=kind.HOLD, hold__resolved_at=None)),
    )
    settled = Invoice.objects.filter(organization__in=organizations, is_settled=True)
    paid = _by_organization(settled, usage=Sum("usage_microusd"))
    return {
        line.organization_id: _standing(
            line,
            given.get(line.organization_id, {}),
            moved.get(line.organization_id, {}),
            paid.get(line.organization_id, {}),
        )
        for line in lines
    }


def _standing(
    line: CreditLine, given: dict[str, int], moved: dict[str, int], paid: dict[str, int]
) -> Standing:
    available, held = given.get("available", 0), moved.get("held", 0)
    ever = given.get("ever", 0) - moved.get("taken", 0) + moved.get("added", 0)
    return Standing(
        limit_microusd=line.limit_cents * 10_000,
        available_microusd=available,
        held_microusd=held,
        open_microusd=ever - available - held - paid.get("usage", 0),
    )


def _sum(condition: Q) -> Sum:
    return Sum("amount_microusd", filter=condition, default=0)


def _by_organization(rows: QuerySet[Any], **sums: Sum) -> dict[str, dict[str, int]]:
    found = rows.order_by().values("organization_id").annotate(**sums)
    return {row["organization_id"]: row for row in found}


def _grants(organization: Organization) -> QuerySet[Grant]:
    return Grant.objects.filter(organization=organization, kind=Grant.Kind.INVOICE)
