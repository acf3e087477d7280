"""Giving money back: what it would mean, in numbers, and doing it. The books are kept in `reversals`."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from billing import purchase_answers, purchases, reversals
from billing.errors import MoreDebt, RefundTooLarge
from billing.models import Account, Purchase, Reversal
from billing.stripe_gateway import money_back
from billing.stripe_gateway.connection import StripeRefused
from seedance_saas import ids, queue
from seedance_saas.api import usd
from seedance_saas.errors import InvalidRequest


@dataclass(frozen=True)
class Preview:
    """What is left of a paid purchase, and what a refund of `amount_cents` would do. Reads without a lock."""

    paid_cents: int
    back_cents: int  # in earlier refunds and disputes
    unspent_cents: int  # can go back without taking what was spent
    amount_cents: int
    credits_microusd: int  # withdrawn with it
    bonus_microusd: int
    debt_microusd: int  # what the organization would owe us then

    @property
    def left_cents(self) -> int:
        return max(0, self.paid_cents - self.back_cents)


def preview(purchase: Purchase, amount_cents: int | None = None) -> Preview:
    """For `amount_cents`, or for all that is unspent."""
    assert purchase.grant is not None, purchase.id
    assert purchase.total_cents is not None, purchase.id
    back_cents = sum(one.counted_cents for one in purchase.reversals.all())
    left = _left(purchase.grant.account_id)
    unspent = unspent_cents(purchase, left, back_cents)
    amount_cents = unspent if amount_cents is None else amount_cents
    target = reversals.withdrawn_microusd(purchase, back_cents + amount_cents)
    change = target - purchase.withdrawn_microusd
    bonus_left = _left(purchase.bonus_grant.account_id) if purchase.bonus_grant else 0
    bonus_change = reversals.bonus_microusd(purchase, target) - purchase.bonus_withdrawn_microusd
    return Preview(
        paid_cents=purchase.total_cents,
        back_cents=back_cents,
        unspent_cents=unspent,
        amount_cents=amount_cents,
        credits_microusd=change,
        bonus_microusd=min(max(0, bonus_change), bonus_left),
        debt_microusd=max(0, change - left),
    )


def unspent_cents(purchase: Purchase, left_microusd: int, back_cents: int) -> int:
    """What can go back without taking what was spent, if so much is left of its grant; rounded down."""
    assert purchase.total_cents is not None, purchase.id
    most_microusd = purchase.withdrawn_microusd + left_microusd
    return max(0, most_microusd * purchase.total_cents // purchase.amount_microusd - back_cents)


def _left(account_id: str) -> int:
    return Account.objects.get(pk=account_id).balance_microusd or 0


@transaction.atomic
def request(
    purchase: Purchase,
    *,
    amount_cents: int,
    reason: str,
    actor: User | None,
    is_spent_too: bool = False,
    id: str = "",
    debt_microusd_max: int | None = None,
    address: str | None = None,
) -> Reversal:
    """Withdraw the credits now and ask Stripe for the refund in a task: what is refunded cannot be spent meanwhile.

    `is_spent_too`: also what was spent, which becomes debt, of at most `debt_microusd_max` if somebody agreed to that.
    Raises InvalidRequest, RefundTooLarge with what can go back, or MoreDebt. One audit row. Locks the wallet, then the
    purchase. Idempotent by `id`, which becomes the refund's; without one each call is a refund of its own.
    """
    if not reason.strip():
        raise InvalidRequest("A refund has a reason.", param="reason")
    purchase = purchase_answers.lock(purchase)
    if id and (known := Reversal.objects.filter(pk=id).first()):
        if known.purchase_id != purchase.pk:
            raise InvalidRequest("This refund is of another purchase.", param="id")
        return known
    if purchase.state != Purchase.State.PAID:
        raise InvalidRequest("Only what was paid can be refunded.", param="purchase")
    now = preview(purchase, amount_cents)
    if amount_cents < 1:
        raise InvalidRequest("The amount must be at least $0.01.", param="amount_usd")
    most_cents = now.left_cents if is_spent_too else min(now.unspent_cents, now.left_cents)
    if amount_cents > most_cents:
        raise RefundTooLarge(most_cents=most_cents, is_spent_too=is_spent_too)
    if debt_microusd_max is not None and now.debt_microusd > debt_microusd_max:
        raise MoreDebt(debt_microusd=now.debt_microusd, agreed_microusd=debt_microusd_max)
    row = Reversal(
        id=id or ids.new("rev"),
        purchase=purchase,
        kind=Reversal.Kind.REFUND,
        amount_cents=amount_cents,
        state=Reversal.State.REQUESTED,
        due_at=timezone.now() + timedelta(minutes=1),
        reason=reason.strip()[:200],
        made_by=actor,
    )
    reversals.settle(purchase, row, None)
    audit.note(
        purchase.organization,
        "purchase.refund_requested",
        purchase.id,
        actor=actor,
        address=address,
        after={
            "reversal": row.id,
            "amount_usd": usd(amount_cents * 10_000),
            "debt_usd": usd(now.debt_microusd),
            "reason": row.reason,
        },
    )
    queue.enqueue("billing.tasks.send_refund", row.id)
    return row


def send(row: Reversal) -> None:
    """Ask Stripe for a refund that was requested. A repeat is the same refund; one that is refused is undone.

    Asks Stripe: no transaction may be open. Lets StripeUnavailable out: asked again.
    """
    if row.state != Reversal.State.REQUESTED:
        return
    assert row.purchase is not None, row.id
    why = ""
    if timezone.now() - row.created_at < purchases.KEY_IS_KEPT:
        try:
            money_back.refund(
                row_id=row.id, intent_id=row.purchase.intent_id, amount_cents=row.amount_cents
            )
        except StripeRefused as refused:
            why = refused.message
    purchases.follow(row.purchase)
    row.refresh_from_db()
    if row.state == Reversal.State.REQUESTED and (
        why or timezone.now() - row.created_at >= purchases.KEY_IS_KEPT
    ):
        _undo(row, why or "Stripe was never reached with it.")


@transaction.atomic
def _undo(row: Reversal, why: str) -> None:
    assert row.purchase is not None, row.id
    purchase = purchase_answers.lock(row.purchase)
    row = Reversal.objects.select_for_update(no_key=True).get(pk=row.pk)
    if row.state != Reversal.State.REQUESTED:
        return
    row.state, row.failure_message, row.due_at = Reversal.State.FAILED, why, None
    reversals.settle(purchase, row, Reversal.State.REQUESTED)
