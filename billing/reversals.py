"""What went back of a purchase, brought into the books: refunds and disputes, in whatever order they come.

The books follow the sum of all of them, never one alone: what is out at Stripe decides what is withdrawn of the
credits, and only the difference to what was withdrawn before is moved. So a refund after a dispute, a dispute
that was won after a refund, and the same thing told five times all end in the same place.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from accounts import webhooks
from billing import ledger, presentation
from billing.models import Account, Grant, Purchase, Reversal
from billing.stripe_gateway.payments import MoneyBack
from seedance_saas import queue

logger = logging.getLogger(__name__)

State = Reversal.State
LOOK_EVERY = timedelta(days=1)  # if no webhook comes first
_UNDER_WAY = (State.REQUESTED, State.PENDING, State.INQUIRY, State.OPEN)
# Where the money of each kind goes, and comes back from.
_ACCOUNTS = {Reversal.Kind.REFUND: "cash", Reversal.Kind.DISPUTE: "disputes"}


def follow(purchase: Purchase, found: Sequence[MoneyBack]) -> None:
    """Write down every refund and dispute as Stripe has it, and move the credits that follow.

    In the transaction that has locked the wallet and then the purchase, which is paid. A repeat changes nothing.
    """
    known = {
        key: row
        for row in purchase.reversals.select_for_update(no_key=True).order_by("id")
        for key in (row.stripe_id, row.id)
    }
    for back in found:
        row = known.get(back.stripe_id) or (known.get(back.row_id) if back.row_id else None)
        before = State(row.state) if row else None
        row = row or Reversal(purchase=purchase, kind=back.kind, reason=back.reason)
        row.stripe_id, row.amount_cents, row.state = back.stripe_id, back.amount_cents, back.state
        row.failure_message = back.failure_message
        settle(purchase, row, before)


def settle(purchase: Purchase, row: Reversal, before: State | None) -> None:
    """Keep the row, and move what its state changes. Same locks as `follow`."""
    row.due_at = timezone.now() + LOOK_EVERY if row.state in _UNDER_WAY else None
    row.save()
    if row.state == before:
        return
    _move_credits(purchase, row)
    logger.info(
        "reversal.moved id=%s purchase=%s kind=%s from=%s to=%s amount_cents=%s",
        row.id, purchase.id, row.kind, before or "", row.state, row.amount_cents,
    )  # fmt: skip
    if row.kind == Reversal.Kind.DISPUTE or row.state in (State.SUCCEEDED, State.FAILED):
        type = "purchase.disputed" if row.kind == Reversal.Kind.DISPUTE else "purchase.refunded"
        event = webhooks.publish(
            purchase.organization,
            type,
            presentation.purchase(purchase) | {"reversal": presentation.reversal(row)},
        )
        queue.enqueue("billing.tasks.mail_alert", event.id)


def withdrawn_microusd(purchase: Purchase, out_cents: int) -> int:
    """What `out_cents`, tax included, are in credits. All of it is all of them: nothing is lost to rounding."""
    assert purchase.total_cents, purchase.id
    return purchase.amount_microusd * min(out_cents, purchase.total_cents) // purchase.total_cents


def references(row: Reversal) -> list[str]:
    """Those of every transfer that it has made."""
    moves = [_reference(row, number) for number in range(1, row.moves_count + 1)]
    return [*moves, *(f"{move}:bonus" for move in moves)]


def _reference(row: Reversal, move: int) -> str:
    return f"{row.kind}:{row.id}" + (f":{move}" if move > 1 else "")


def _move_credits(purchase: Purchase, row: Reversal) -> None:
    """Withdraw, or give again, the difference to what was withdrawn: of the purchase, and of its bonus in proportion.

    More than was paid cannot be withdrawn: what a bank takes beyond it is our loss.
    """
    grant, bonus = purchase.grant, purchase.bonus_grant
    assert grant is not None, purchase.id
    out_cents = sum(one.counted_cents for one in purchase.reversals.all())
    target = withdrawn_microusd(purchase, out_cents)
    change = target - purchase.withdrawn_microusd
    bonus_target = purchase.bonus_microusd * target // purchase.amount_microusd
    if change == 0 and bonus_target == purchase.bonus_withdrawn_microusd:
        return
    row.moves_count += 1
    reference = _reference(row, row.moves_count)
    account = _ACCOUNTS[Reversal.Kind(row.kind)]
    grants = [grant] if bonus is None else [grant, bonus]
    if change > 0:
        ledger.claw_back(
            purchase.organization,
            amount_microusd=change,
            grants=grants,
            reference=reference,
            to_account=account,
        )
    elif change < 0:
        ledger.reinstate(grant, amount_microusd=-change, reference=reference, from_account=account)
    purchase.withdrawn_microusd = target
    if bonus:
        _move_bonus(purchase, bonus, bonus_target, f"{reference}:bonus")
    purchase.save(update_fields=["withdrawn_microusd", "bonus_withdrawn_microusd"])
    row.save(update_fields=["moves_count"])


def _move_bonus(purchase: Purchase, bonus: Grant, target: int, reference: str) -> None:
    """Of the bonus only what is left is withdrawn: nobody owes us what was a gift."""
    change = target - purchase.bonus_withdrawn_microusd
    if change > 0:
        left = Account.objects.get(pk=bonus.account_id).balance_microusd or 0
        change = min(change, left)
        if change:
            ledger.claw_back(
                purchase.organization,
                amount_microusd=change,
                grants=[bonus],
                reference=reference,
                to_account="promotions",
            )
    elif change < 0:
        ledger.reinstate(
            bonus, amount_microusd=-change, reference=reference, from_account="promotions"
        )
    purchase.bonus_withdrawn_microusd += change
