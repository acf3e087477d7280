"""Usage on account for organizations that an operator approved: how much may be open, and what is open.

A line is grants that `receivable` funds, so what they pay for is known by construction. How much of it is
available follows from the limit, from what is held and used, and from the invoices that were paid: `adjust`
brings the grants there, however we came here.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

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
TRY_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Standing:
    """Where the money of a line is now. Reads no lock."""

    limit_microusd: int
    available_microusd: int
    held_microusd: int
    open_microusd: int  # used, and not paid yet


@transaction.atomic
def approve(
    organization: Organization, *, limit_cents: int, net_days: int, actor: User
) -> CreditLine:
    """Give the organization a line, or another limit; Stripe's subscription is made by a task.

    `net_days` are for paying an invoice; 0 charges the saved card. They hold for subscriptions made from now on.
    A limit below what is open takes nothing back that runs. Raises InvalidRequest, SandboxPaysNothing. One audit row.
    Locks the wallet.
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
            state=State.OPENING, closure="", subscription_id="", due_at=timezone.now()
        )
        queue.enqueue("billing.tasks.open_line", organization.pk)
    adjust(organization)
    audit.note(
        organization,
        "credit_line.approved",
        organization.pk,
        actor=actor,
        before=_terms(before) if before else {},
        after=_terms(CreditLine.objects.get(pk=line.pk)),
    )
    line.refresh_from_db()
    return line


def _terms(line: CreditLine) -> dict[str, object]:
    return {
        "limit_usd": usd(line.limit_cents * 10_000),
        "net_days": line.net_days,
        "state": line.state,
    }


def open(line: CreditLine) -> None:
    """Make Stripe's subscription, then let the line be used. A repeat makes no second one.

    Asks Stripe: no transaction may be open.
    """
    if line.state != State.OPENING:
        return
    customer = customers.ensure(line.organization)
    # Of one that was made a day ago and whose answer was lost, Stripe has forgotten the key.
    subscription_id = usage.subscription_of_customer(
        customer.stripe_id, line.organization_id
    ) or usage.create_subscription(
        line.organization_id,
        customer_id=customer.stripe_id,
        net_days=line.net_days,
        key=f"subscription:{line.organization_id}:{int((line.due_at or line.created_at).timestamp())}",
    )
    with transaction.atomic():
        ledger.lock(line.organization)
        CreditLine.objects.filter(pk=line.pk, state=State.OPENING).update(
            state=State.OPEN, subscription_id=subscription_id, due_at=None
        )
        adjust(line.organization)


@transaction.atomic
def close(
    organization: Organization, why: CreditLine.Closure, *, actor: User | None = None
) -> None:
    """Nothing new is held from the line; what runs ends as usual. A repeat changes nothing. Locks the wallet.

    Closed by the operator, its subscription ends with the running month, whose invoice is still made.
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
        organization, "credit_line.closed", organization.pk, actor=actor, after={"why": why.value}
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
    """What was ever given to the line, less what is left or held, was used; what is not paid of it is open."""
    grants = _grants(line.organization)
    given = grants.aggregate(total=Sum("amount_microusd", default=0))["total"]
    available = grants.aggregate(total=Sum("account__balance_microusd", default=0))["total"]
    of_line = Transfer.objects.filter(organization=line.organization, grant__in=grants)
    moved = of_line.aggregate(
        taken=Sum("amount_microusd", filter=Q(kind=Transfer.Kind.CLAW_BACK), default=0),
        corrected_up=Sum(
            "amount_microusd",
            filter=Q(kind=Transfer.Kind.CORRECTION, from_account="write_off"),
            default=0,
        ),
        corrected_down=Sum(
            "amount_microusd",
            filter=Q(kind=Transfer.Kind.CORRECTION, to_account="write_off"),
            default=0,
        ),
        held=Sum(
            "amount_microusd", filter=Q(kind=Transfer.Kind.HOLD, hold__resolved_at=None), default=0
        ),
    )
    ever = given - moved["taken"] + moved["corrected_up"] - moved["corrected_down"]
    freed = Invoice.objects.filter(organization=line.organization, is_settled=True).aggregate(
        total=Sum("usage_microusd", default=0)
    )["total"]
    return Standing(
        limit_microusd=line.limit_cents * 10_000,
        available_microusd=available,
        held_microusd=moved["held"],
        open_microusd=ever - available - moved["held"] - freed,
    )


def _grants(organization: Organization) -> QuerySet[Grant]:
    return Grant.objects.filter(organization=organization, kind=Grant.Kind.INVOICE)
