"""When an organization's saved card is charged by itself: its terms, and whether the moment has come.

Here a purchase is only decided on, under the wallet's lock; how it is charged is told in `purchases`.
"""

import logging
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import audit, mails, webhooks
from accounts.models import Organization
from billing import balances, ledger, packs, periods
from billing.models import Account, AutoTopUp, Purchase, StripeCustomer
from seedance_saas import queue
from seedance_saas.api import moment, usd

logger = logging.getLogger(__name__)

# How long a declined card is left alone; after the last one it is not charged again at all.
PAUSES = (timedelta(hours=1), timedelta(hours=6))
DECLINES_MAX = len(PAUSES) + 1


# -- Has the moment come? ---------------------------------------------------------------------------


def due() -> list[str]:
    """Organizations whose credits are below their threshold, and that nothing keeps from being charged."""
    now = timezone.now()
    living = Q(grant__expires_at=None) | Q(grant__expires_at__gt=now)
    available = (
        Account.objects.filter(
            living, organization=OuterRef("organization"), kind=Account.Kind.GRANT
        )
        .order_by()
        .values("organization")
        .annotate(available=Sum("balance_microusd"))
        .values("available")
    )
    in_flight = Purchase.objects.filter(
        organization=OuterRef("organization"),
        origin=Purchase.Origin.AUTO_TOP_UP,
        state__in=Purchase.UNDER_WAY,
    )
    waiting = AutoTopUp.objects.filter(is_on=True, suspension="", next_attempt_at__lte=now)
    return list(
        waiting.exclude(Exists(in_flight))
        .annotate(available=Coalesce(Subquery(available), 0))
        .filter(available__lt=F("threshold_microusd"))
        .values_list("organization_id", flat=True)
    )


@transaction.atomic
def consider(organization: Organization) -> Purchase | None:
    """Decide on one charge if the credits are below the threshold, and queue it; else nothing.

    Everything is asked under the wallet's lock, so that any number of these at once make one purchase,
    and a month's ceiling is not passed by a cent. In debt nothing is charged.
    """
    ledger.lock(organization)
    now = timezone.now()
    top_up = AutoTopUp.objects.filter(organization=organization, is_on=True, suspension="").first()
    if top_up is None or top_up.next_attempt_at > now:
        return None
    mine = Purchase.objects.filter(organization=organization, origin=Purchase.Origin.AUTO_TOP_UP)
    balance = balances.of(organization)
    if (
        balance.debt_microusd
        or balance.available_microusd >= top_up.threshold_microusd
        or mine.filter(state__in=Purchase.UNDER_WAY).exists()
    ):
        return None
    card = StripeCustomer.objects.filter(organization=organization).first()
    if card is None or not card.payment_method_id:
        _suspend(top_up, AutoTopUp.Suspension.NO_CARD, "")
        return None
    if declines_of(organization, card.card_fingerprint) >= DECLINES_MAX:
        # It was given up before, and came back after another card.
        _suspend(top_up, AutoTopUp.Suspension.DECLINED, card.card_fingerprint)
        return None
    amount_cents = next_amount_cents(top_up, balance.available_microusd)
    if charged_cents(organization, now) + amount_cents > top_up.ceiling_cents:
        _tell_ceiling(top_up, amount_cents, periods.first_day("month", now))
        return None
    purchase = Purchase.objects.create(
        organization=organization,
        origin=Purchase.Origin.AUTO_TOP_UP,
        amount_cents=amount_cents,
        bonus_microusd=packs.bonus_microusd(amount_cents),
        payment_method_id=card.payment_method_id,
        card_brand=card.card_brand,
        card_last4=card.card_last4,
        card_fingerprint=card.card_fingerprint,
        created_at=now,
        due_at=now + timedelta(minutes=1),
    )
    queue.enqueue("billing.tasks.follow_purchase", purchase.id)
    logger.info(
        "auto_top_up.decided purchase=%s organization=%s amount_cents=%s",
        purchase.id, organization.pk, amount_cents,
    )  # fmt: skip
    return purchase


def next_amount_cents(top_up: AutoTopUp, available_microusd: int) -> int:
    """What would be charged now: the amount, or what fills up to the target, in whole cents upwards."""
    if top_up.amount_cents is not None:
        return top_up.amount_cents
    assert top_up.target_microusd is not None, top_up
    missing_cents = -((available_microusd - top_up.target_microusd) // 10_000)
    return min(max(missing_cents, packs.AMOUNT_CENTS_MIN), packs.AMOUNT_CENTS_MAX)


def charged_cents(organization: Organization, now: datetime) -> int:
    """What this month of UTC has seen charged, or being charged. What failed cannot be charged any more.

    What was decided on in one month and charged in the next counts in both, so that neither passes its ceiling.
    """
    total = charges(organization, now).aggregate(cents=Sum("amount_cents", default=0))
    return int(total["cents"])


def charges(organization: Organization, now: datetime) -> QuerySet[Purchase]:
    """What `charged_cents` adds up."""
    month = periods.starts_at("month", now)
    return Purchase.objects.filter(
        Q(created_at__gte=month) | Q(paid_at__gte=month) | Q(state__in=Purchase.UNDER_WAY),
        organization=organization,
        origin=Purchase.Origin.AUTO_TOP_UP,
    ).exclude(state=Purchase.State.FAILED)


def _tell_ceiling(top_up: AutoTopUp, amount_cents: int, month: date) -> None:
    if top_up.ceiling_told_on == month:
        return
    AutoTopUp.objects.filter(pk=top_up.pk).update(ceiling_told_on=month)
    _tell(
        top_up.organization,
        "auto_top_up.failed",
        code="ceiling_reached",
        message="Another charge would pass the ceiling of this month.",
        amount_usd=usd(amount_cents * 10_000),
        ceiling_usd=usd(top_up.ceiling_cents * 10_000),
    )


# -- What a charge came to, and what suspends --------------------------------------------------------


def note_declined(purchase: Purchase) -> None:
    """Wait, or give the card up: told with the reason. In the transaction that fails the purchase."""
    top_up = AutoTopUp.objects.get(organization=purchase.organization_id)
    declines = declines_of(purchase.organization, purchase.card_fingerprint)
    recovery = {"purchase": purchase.id}
    if purchase.failure_code == "authentication_required":
        _suspend(top_up, AutoTopUp.Suspension.AUTHENTICATION, purchase.card_fingerprint, **recovery)
        return
    if declines >= DECLINES_MAX:
        _suspend(top_up, AutoTopUp.Suspension.DECLINED, purchase.card_fingerprint, **recovery)
        return
    again_at = timezone.now() + PAUSES[max(declines, 1) - 1]
    AutoTopUp.objects.filter(pk=top_up.pk).update(next_attempt_at=again_at)
    _tell(
        purchase.organization,
        "auto_top_up.failed",
        code=purchase.failure_code,
        message=purchase.failure_message,
        amount_usd=usd(purchase.amount_microusd),
        next_attempt_at=moment(again_at),
        **recovery,
    )


def declines_of(organization: Organization, fingerprint: str) -> int:
    """How often this number failed since it last paid, whoever paid: however often cards were changed meanwhile."""
    with_it = Purchase.objects.filter(organization=organization, card_fingerprint=fingerprint)
    paid = with_it.filter(state=Purchase.State.PAID).order_by("-paid_at").first()
    failed = with_it.filter(origin=Purchase.Origin.AUTO_TOP_UP, state=Purchase.State.FAILED)
    return (failed.filter(created_at__gt=paid.paid_at) if paid else failed).count()


def note_card(organization: Organization, fingerprint: str) -> None:
    """Go on if the card is another number than the one that was given up. Under the wallet's lock."""
    top_up = (
        AutoTopUp.objects.filter(organization=organization)
        .exclude(suspension__in=["", AutoTopUp.Suspension.MONEY_BACK])
        .first()
    )
    if (
        top_up
        and fingerprint
        and fingerprint != top_up.suspended_fingerprint
        and declines_of(organization, fingerprint) < DECLINES_MAX
    ):
        _resume(top_up)


def note_paid(purchase: Purchase) -> None:
    """A person has paid with the card that the bank wanted to see them for: it may be charged again."""
    top_up = AutoTopUp.objects.filter(
        organization=purchase.organization_id,
        suspension=AutoTopUp.Suspension.AUTHENTICATION,
        suspended_fingerprint=purchase.card_fingerprint,
    ).first()
    if top_up and purchase.origin == Purchase.Origin.CHECKOUT:
        _resume(top_up)


def note_money_back(organization: Organization) -> None:
    """Who was given money back is not charged for it by the next sweep. Under the wallet's lock."""
    top_up = AutoTopUp.objects.filter(organization=organization, is_on=True).first()
    if top_up and top_up.suspension != AutoTopUp.Suspension.MONEY_BACK:
        _suspend(top_up, AutoTopUp.Suspension.MONEY_BACK, "")


def _suspend(
    top_up: AutoTopUp, why: AutoTopUp.Suspension, fingerprint: str, **data: object
) -> None:
    AutoTopUp.objects.filter(pk=top_up.pk).update(suspension=why, suspended_fingerprint=fingerprint)
    audit.note(
        top_up.organization, "auto_top_up.suspended", top_up.pk,
        before={"suspension": top_up.suspension}, after={"suspension": why.value},
    )  # fmt: skip
    _tell(
        top_up.organization,
        "auto_top_up.suspended",
        code=why.value,
        message=SUSPENDED[why],
        **data,
    )


def _resume(top_up: AutoTopUp) -> None:
    AutoTopUp.objects.filter(pk=top_up.pk).update(
        suspension="", suspended_fingerprint="", next_attempt_at=timezone.now()
    )
    audit.note(
        top_up.organization, "auto_top_up.resumed", top_up.pk,
        before={"suspension": top_up.suspension}, after={"suspension": ""},
    )  # fmt: skip


SUSPENDED = {
    AutoTopUp.Suspension.DECLINED: (
        f"The card was declined {DECLINES_MAX} times. It is not charged again; add another card."
    ),
    AutoTopUp.Suspension.AUTHENTICATION: (
        "Your bank wants you to confirm the payment. Pay once on Stripe's page, and it goes on."
    ),
    AutoTopUp.Suspension.NO_CARD: "There is no saved card. Add one, and it goes on.",
    AutoTopUp.Suspension.MONEY_BACK: (
        "Money of a purchase went back. The card is charged by itself again once you agree to the terms anew."
    ),
}


def _tell(organization: Organization, type: str, **data: object) -> None:
    event = webhooks.publish(organization, type, {"object": "auto_top_up", **data})
    mails.owe("billing.alert_mails.compose", event.id)
    logger.info("%s organization=%s code=%s", type, organization.pk, data.get("code"))
