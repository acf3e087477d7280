"""The end of an organization's money, by a rule that its owner reads first.

    close    What is owed is paid first. Keys and invitations are revoked, nothing is bought any more.
    settle   What was purchased and is unspent goes back to the card that it came from; what no card takes is
             forfeited, and so is what was given. What open holds give back follows: the sweep settles again.
    reopen   Until the names are erased. What went back or was forfeited stays gone, and keys stay revoked.

The books stay for ever. What the organization has beside money ends in `generations.closing`.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Prefetch, Q
from django.utils import timezone

from accounts import api_keys, audit, invitations, organizations
from accounts.models import Organization, User
from billing import auto_top_up_terms, balances, credit_lines, ledger, refunds
from billing.models import AutoTopUp, CreditLine, Grant, Hold, Invoice, Purchase, Reversal
from seedance_saas import queue
from seedance_saas.api import usd
from seedance_saas.errors import Conflict

logger = logging.getLogger(__name__)

REOPENS_FOR = timedelta(days=30)
WHY = "The organization was closed."
UNPAID = (
    Invoice.State.DRAFT,
    Invoice.State.OPEN,
    Invoice.State.OVERDUE,
    Invoice.State.UNCOLLECTIBLE,
)


class StillOwed(Conflict):
    """What was used and not paid comes first."""

    code = "still_owed"


class NotClosed(Conflict):
    """It is open, or its names are erased already."""

    code = "not_closed"


@dataclass(frozen=True)
class Left:
    """One grant with credits that may still be spent, and what of them a card gets back, in cents as paid."""

    grant: Grant
    microusd: int
    purchase: Purchase | None
    back_cents: int

    @property
    def back_microusd(self) -> int:
        """The credits that go back. Tax goes back beside them."""
        if not self.purchase or not self.purchase.total_cents:
            return 0
        most = self.purchase.amount_microusd * self.back_cents // self.purchase.total_cents
        return min(self.microusd, most)


@dataclass(frozen=True)
class Preview:
    """What closing would do to money now. Reads without a lock."""

    back_cents: int
    back_microusd: int
    forfeited_microusd: int  # purchased, or given by hand; no card takes it
    promotional_microusd: int
    owed: list[str]
    balance: balances.Balance
    line: CreditLine | None


def preview(organization: Organization) -> Preview:
    lefts = list(_left(organization))
    kept = [one for one in lefts if one.grant.kind == Grant.Kind.PURCHASED]
    back = sum(one.back_microusd for one in kept)
    line = CreditLine.objects.filter(organization=organization).first()
    balance = balances.of(organization)
    return Preview(
        back_cents=sum(one.back_cents for one in kept),
        back_microusd=back,
        forfeited_microusd=sum(one.microusd for one in kept) - back,
        promotional_microusd=sum(one.microusd for one in lefts if one not in kept),
        owed=list(_owed(line, balance.debt_microusd)),
        balance=balance,
        line=line,
    )


def _left(organization: Organization) -> Iterator[Left]:
    """Every grant of which something may be spent, but for a line's: that was never paid for."""
    grants = (
        Grant.objects.filter(organization=organization, account__balance_microusd__gt=0)
        .exclude(Q(kind=Grant.Kind.INVOICE) | Q(expires_at__lte=timezone.now()))
        .select_related("account", "purchase")
        .prefetch_related(Prefetch("purchase__reversals"))
        .order_by("id")
    )
    for grant in grants:
        left, purchase = grant.account.balance_microusd or 0, getattr(grant, "purchase", None)
        yield Left(grant, left, purchase, _back_cents(purchase, left) if purchase else 0)


def _back_cents(purchase: Purchase, left_microusd: int) -> int:
    """Stripe is always asked; what it refused once is not asked again."""
    found = list(purchase.reversals.all())
    if any(
        one.kind == Reversal.Kind.REFUND and one.state == Reversal.State.FAILED for one in found
    ):
        return 0
    back_cents = sum(one.counted_cents for one in found)
    return refunds.unspent_cents(purchase, left_microusd, back_cents)


def _owed(line: CreditLine | None, debt_microusd: int) -> Iterator[str]:
    """What is used on account and on no invoice yet is not among it: a last invoice asks for it."""
    if debt_microusd:
        yield f"a debt of ${usd(debt_microusd)}"
    if line is None:
        return  # only a line has invoices
    unpaid = Invoice.objects.filter(organization=line.organization_id, state__in=UNPAID)
    for invoice in unpaid.order_by("id"):
        word = (
            "an invoice that is being made" if not invoice.number else f"invoice {invoice.number}"
        )
        yield f"{word} of ${usd(invoice.total_cents * 10_000)}"
    for invoice in Invoice.objects.filter(
        organization=line.organization_id, disputed_microusd__gt=F("forgiven_microusd")
    ).order_by("id"):
        yield (
            f"${usd(invoice.owed_again_microusd)} of invoice {invoice.number}, which your bank took back"
        )


# -- close ------------------------------------------------------------------------------------------


@transaction.atomic
def close(organization: Organization, *, by: User, address: str | None = None) -> Organization:
    """The organization as it is then. Raises StillOwed, and then nothing is done. A repeat changes nothing.

    Locks the wallet, then the organization's row.
    """
    ledger.lock(organization)
    organization = organizations.lock(organization)
    if organization.closed_at:
        return organization
    now = preview(organization)
    if now.owed:
        raise StillOwed(f"First has to be paid: {', '.join(now.owed)}.", owed=now.owed)
    organization.closed_at = timezone.now()
    organization.erase_at = organization.closed_at + REOPENS_FOR
    organization.save(update_fields=["closed_at", "erase_at"])
    keys = list(organization.api_keys.filter(revoked_at=None).order_by("id"))
    for key in keys:
        api_keys.revoke(key, by=by, address=address)
    invitations.revoke_all(organization, by=by, address=address)
    _stop_buying(organization, by, address)
    audit.note(
        organization,
        "organization.closed",
        organization.id,
        actor=by,
        address=address,
        after={
            "back_usd": usd(now.back_cents * 10_000),
            "forfeited_usd": usd(now.forfeited_microusd),
            "promotional_usd": usd(now.promotional_microusd),
            "held_usd": usd(now.balance.held_microusd),
            "keys_count": len(keys),
            "erase_at": organization.erase_at.isoformat(),
        },
    )
    settle(organization, by=by, address=address)
    logger.info("organization.closed id=%s", organization.id)
    return organization


def _stop_buying(organization: Organization, by: User, address: str | None) -> None:
    """No more charges. A page of Stripe's that is open is closed; what is paid there all the same goes back."""
    top_up = AutoTopUp.objects.filter(organization=organization, is_on=True).first()
    if top_up:
        terms = auto_top_up_terms.of(top_up, is_on=False)
        auto_top_up_terms.set_terms(organization, terms, actor=by, address=address)
    for purchase in Purchase.objects.filter(
        organization=organization,
        origin=Purchase.Origin.CHECKOUT,
        state__in=(Purchase.State.CREATED, Purchase.State.OPEN),
    ).order_by("id"):
        Purchase.objects.filter(pk=purchase.pk).update(
            state=Purchase.State.CLOSING, due_at=timezone.now()
        )
        queue.enqueue("billing.tasks.follow_purchase", purchase.id)
    credit_lines.close(
        organization, CreditLine.Closure.OPERATOR, reason=WHY, actor=by, address=address
    )


# -- settle -----------------------------------------------------------------------------------------


@transaction.atomic
def settle(
    organization: Organization, *, by: User | None = None, address: str | None = None
) -> None:
    """Give back or forfeit what a closed organization has at this moment. A repeat finds nothing left.

    Less than a cent of a purchase waits until no hold can add to it. Locks the wallet.
    """
    ledger.lock(organization)
    organization = Organization.objects.get(pk=organization.pk)
    if not organization.closed_at:
        return  # reopened meanwhile
    runs = Hold.objects.filter(organization=organization, resolved_at=None).exists()
    lefts, forfeited = list(_left(organization)), []
    for one in lefts:
        if one.purchase and one.back_cents:
            refunds.request(
                one.purchase, amount_cents=one.back_cents, reason=WHY, actor=by, address=address
            )
        waits = one.purchase and runs and not _was_refused(one.purchase)
        if not waits:
            forfeited.append(one.grant)
    amount_microusd = ledger.forfeit(organization, forfeited) if forfeited else 0
    if amount_microusd:
        audit.note(
            organization,
            "credits.forfeited",
            organization.id,
            actor=by,
            address=address,
            after={"amount_usd": usd(amount_microusd)},
        )


def _was_refused(purchase: Purchase) -> bool:
    return any(
        one.kind == Reversal.Kind.REFUND and one.state == Reversal.State.FAILED
        for one in purchase.reversals.all()
    )


def settle_due() -> None:
    """Every closed organization that has something again: what a hold gave back, or a refund that came back."""
    left = Grant.objects.filter(
        organization__closed_at__isnull=False, account__balance_microusd__gt=0
    ).exclude(Q(kind=Grant.Kind.INVOICE) | Q(expires_at__lte=timezone.now()))
    for organization in Organization.objects.filter(grants__in=left).distinct():
        settle(organization)


# -- reopen -----------------------------------------------------------------------------------------


@transaction.atomic
def reopen(organization: Organization, *, by: User, address: str | None = None) -> Organization:
    """New work may begin again. Raises NotClosed. Locks the wallet, then the organization's row."""
    ledger.lock(organization)
    organization = organizations.lock(organization)
    if not organization.erase_at or organization.erase_at <= timezone.now():
        raise NotClosed("It is not closed, or its names are erased already.")
    before = organization.closed_at
    organization.closed_at = organization.erase_at = None
    organization.save(update_fields=["closed_at", "erase_at"])
    audit.note(
        organization,
        "organization.reopened",
        organization.id,
        actor=by,
        address=address,
        before={"closed_at": before.isoformat() if before else None},
    )
    return organization
