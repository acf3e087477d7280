"""On which terms the saved card may be charged: what a person agreed to, checked and kept."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organization, User
from billing import ledger, packs
from billing.errors import SandboxPaysNothing
from billing.models import AutoTopUp
from seedance_saas.api import usd
from seedance_saas.errors import InvalidRequest

CEILING_CENTS_MAX = 1_000_000_00
THRESHOLD_CENTS_MAX = 10_000_00


@dataclass(frozen=True)
class Terms:
    """What a person agrees to. One of `amount_cents` and `target_microusd` is None."""

    is_on: bool
    threshold_microusd: int
    amount_cents: int | None
    target_microusd: int | None
    ceiling_cents: int


@transaction.atomic
def set_terms(
    organization: Organization, terms: Terms, *, actor: User, address: str | None = None
) -> AutoTopUp:
    """From now on these hold. Raises InvalidRequest that names the field. One audit row. Locks the wallet.

    What suspended it stays: a card that failed three times is not charged because a form was saved. But money
    that went back suspends only until a person agrees again.
    """
    if organization.is_sandbox:
        raise SandboxPaysNothing
    check(terms)
    ledger.lock(organization)
    before = AutoTopUp.objects.filter(organization=organization).first()
    top_up, _ = AutoTopUp.objects.update_or_create(
        organization=organization,
        defaults={
            "suspension": _kept(before),
            "is_on": terms.is_on,
            "threshold_microusd": terms.threshold_microusd,
            "amount_cents": terms.amount_cents,
            "target_microusd": terms.target_microusd,
            "ceiling_cents": terms.ceiling_cents,
            "ceiling_told_on": None,
        },
        create_defaults={
            "is_on": terms.is_on,
            "threshold_microusd": terms.threshold_microusd,
            "amount_cents": terms.amount_cents,
            "target_microusd": terms.target_microusd,
            "ceiling_cents": terms.ceiling_cents,
            "next_attempt_at": timezone.now(),
        },
    )
    audit.note(
        organization,
        "auto_top_up.set",
        organization.pk,
        actor=actor,
        address=address,
        before=_as_dict(before) if before else {},
        after=_as_dict(top_up),
    )
    return top_up


def _kept(top_up: AutoTopUp | None) -> str:
    """The suspension that outlives an agreement."""
    if top_up is None or top_up.suspension == AutoTopUp.Suspension.MONEY_BACK:
        return ""
    return top_up.suspension


def of(top_up: AutoTopUp, *, is_on: bool) -> Terms:
    """The terms that hold, on or off."""
    return Terms(
        is_on=is_on,
        threshold_microusd=top_up.threshold_microusd,
        amount_cents=top_up.amount_cents,
        target_microusd=top_up.target_microusd,
        ceiling_cents=top_up.ceiling_cents,
    )


def as_row(organization: Organization, terms: Terms, now: AutoTopUp | None) -> AutoTopUp:
    """What `set_terms` would keep, unsaved: to say what the terms would mean."""
    return AutoTopUp(
        organization=organization,
        is_on=terms.is_on,
        threshold_microusd=terms.threshold_microusd,
        amount_cents=terms.amount_cents,
        target_microusd=terms.target_microusd,
        ceiling_cents=terms.ceiling_cents,
        suspension=_kept(now),
        next_attempt_at=now.next_attempt_at if now else timezone.now(),
    )


def check(terms: Terms) -> None:
    """Raises InvalidRequest that names the field and its limits."""
    assert (terms.amount_cents is None) != (terms.target_microusd is None), terms
    if not 0 < terms.threshold_microusd <= THRESHOLD_CENTS_MAX * 10_000:
        raise InvalidRequest(
            f"The threshold must be more than $0.00 and at most ${THRESHOLD_CENTS_MAX / 100:,.2f}.",
            param="threshold_usd",
        )
    low, high = packs.AMOUNT_CENTS_MIN, packs.AMOUNT_CENTS_MAX
    limits = f"from ${low / 100:,.2f} to ${high / 100:,.2f}"
    if terms.amount_cents is not None and not low <= terms.amount_cents <= high:
        raise InvalidRequest(f"The amount must be {limits}.", param="amount_usd")
    if terms.target_microusd is not None:
        smallest = terms.target_microusd - terms.threshold_microusd
        if smallest < low * 10_000 or terms.target_microusd > high * 10_000:
            raise InvalidRequest(
                f"The target must be at least ${low / 100:,.2f} above the threshold, and at most"
                f" ${high / 100:,.2f}.",
                param="target_usd",
            )
    first_cents = terms.amount_cents or low
    if not first_cents <= terms.ceiling_cents <= CEILING_CENTS_MAX:
        raise InvalidRequest(
            f"The ceiling of a month must be from ${first_cents / 100:,.2f}, which is one charge, to"
            f" ${CEILING_CENTS_MAX / 100:,.2f}.",
            param="ceiling_usd",
        )


def _as_dict(top_up: AutoTopUp) -> dict[str, object]:
    return {
        "is_on": top_up.is_on,
        "threshold_usd": usd(top_up.threshold_microusd),
        "amount_usd": None if top_up.amount_cents is None else usd(top_up.amount_cents * 10_000),
        "target_usd": None if top_up.target_microusd is None else usd(top_up.target_microusd),
        "ceiling_usd": usd(top_up.ceiling_cents * 10_000),
    }
