"""What went back of a purchase, brought into the books: refunds and disputes, in whatever order they come.

What went back of an invoice's payment has the same rows, and moves other accounts: `invoice_reversals`.

The books follow the sum of all of them, never one alone: what is out at Stripe decides what is withdrawn of the
credits, and only the difference to what was withdrawn before is moved. So a refund after a dispute, a dispute
that was won after a refund, and the same thing told five times all end in the same place.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from django.utils import timezone

from accounts import audit, mails, webhooks
from billing import auto_top_ups, ledger, presentation
from billing.models import Account, Grant, Purchase, Reversal
from billing.stripe_gateway.money_back import MoneyBack
from seedance_saas.api import usd

logger = logging.getLogger(__name__)

State = Reversal.State
LOOK_EVERY = timedelta(days=1)  # if no webhook comes first
_UNDER_WAY = (State.REQUESTED, State.PENDING, State.INQUIRY, State.OPEN)


def follow(purchase: Purchase, found: Sequence[MoneyBack]) -> None:
    """Write down every refund and dispute as Stripe has it, and move the credits that follow.

    In the transaction that has locked the wallet and then the purchase, which is paid. A repeat changes nothing.
    """
    rows = purchase.reversals.select_for_update(no_key=True).order_by("id")
    for row, before in as_told(rows, found):
        row.purchase = purchase
        settle(purchase, row, before)


def as_told(
    rows: Iterable[Reversal], found: Sequence[MoneyBack]
) -> Iterator[tuple[Reversal, State | None]]:
    """Each as Stripe has it now, one of `rows` or a new one, to be saved; and the state that it had."""
    known = {key: row for row in rows for key in (row.stripe_id or row.id, row.id)}
    for back in found:
        row = known.get(back.stripe_id) or known.get(back.row_id)
        if row and row.stripe_id not in ("", back.stripe_id):
            row = None  # a second one that bears the name of a first: both are out
        before = State(row.state) if row else None
        row = row or Reversal(kind=back.kind, reason=back.reason[:200])
        row.stripe_id, row.amount_cents, row.state = back.stripe_id, back.amount_cents, back.state
        row.failure_message = back.failure_message
        row.evidence_due_at = back.evidence_due_at
        row.due_at = timezone.now() + LOOK_EVERY if row.state in _UNDER_WAY else None
        yield row, before


def settle(purchase: Purchase, row: Reversal, before: State | None) -> None:
    """Keep the row, and move what it changes. Same locks as `follow`."""
    were, withdrawn = _by_account(purchase), _withdrawn(purchase)
    row.save()
    _move_credits(purchase, row, were)
    if _withdrawn(purchase) != withdrawn:
        audit.note(
            purchase.organization,
            "purchase.reversed",
            purchase.id,
            before=withdrawn,
            after={**_withdrawn(purchase), "kind": row.kind, "reversal": row.id},
        )
    if row.state == before:
        return
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
        mails.owe("billing.alert_mails.compose", event.id)


def _withdrawn(purchase: Purchase) -> dict[str, str]:
    """As the audit trail says it."""
    return {
        "withdrawn_usd": usd(purchase.withdrawn_microusd),
        "bonus_withdrawn_usd": usd(purchase.bonus_withdrawn_microusd),
    }


def withdrawn_microusd(purchase: Purchase, out_cents: int) -> int:
    """What `out_cents`, tax included, are in credits. All of it is all of them: nothing is lost to rounding."""
    assert purchase.total_cents, purchase.id
    return purchase.amount_microusd * min(out_cents, purchase.total_cents) // purchase.total_cents


def _by_account(purchase: Purchase) -> dict[str, int]:
    """What is withdrawn of the credits by the rows as they are, and where it is: refunds come first.

    More than was paid cannot be withdrawn: what a bank takes beyond it is our loss.
    """
    cents = dict.fromkeys(Reversal.Kind.values, 0)
    for one in purchase.reversals.all():
        cents[one.kind] += one.counted_cents
    refunded = withdrawn_microusd(purchase, cents[Reversal.Kind.REFUND])
    return {
        "cash": refunded,
        "disputes": withdrawn_microusd(purchase, sum(cents.values())) - refunded,
    }


def _move_credits(purchase: Purchase, row: Reversal, were: dict[str, int]) -> None:
    """Withdraw, or give again, the difference to what was withdrawn; and of the bonus in proportion."""
    grant = purchase.grant
    assert grant is not None, purchase.id
    assert sum(were.values()) == purchase.withdrawn_microusd, purchase.id
    changes = [(now - were[account], account) for account, now in _by_account(purchase).items()]
    # What is taken comes first: what is given again then pays the debt that this made.
    for change, account in sorted(changes, reverse=True):
        if change > 0:
            auto_top_ups.note_money_back(purchase.organization)
            ledger.claw_back(
                purchase.organization,
                amount_microusd=change,
                grants=[grant],
                reference=next_reference(row),
                to_account=account,
            )
        elif change < 0:
            ledger.reinstate(
                grant,
                amount_microusd=-change,
                reference=next_reference(row),
                from_account=account,
            )
        purchase.withdrawn_microusd += change
    if purchase.bonus_grant:
        _move_bonus(purchase, purchase.bonus_grant, row)
    purchase.save(update_fields=["withdrawn_microusd", "bonus_withdrawn_microusd"])
    row.save(update_fields=["moves_count"])


def next_reference(row: Reversal) -> str:
    """Of the next transfer that it makes; the row is to be saved with it."""
    row.moves_count += 1
    return _reference(row, row.moves_count)


def _reference(row: Reversal, number: int) -> str:
    return f"{row.kind}:{row.id}" + (f":{number}" if number > 1 else "")


def references(rows: Iterable[Reversal]) -> list[str]:
    """Of every transfer that they made."""
    moves = [_reference(row, number) for row in rows for number in range(1, row.moves_count + 1)]
    return [*moves, *(f"{reference}:bonus" for reference in moves)]


def bonus_microusd(purchase: Purchase, withdrawn_microusd: int) -> int:
    """What of the bonus goes with so much of the purchase, if it is still there."""
    return purchase.bonus_microusd * withdrawn_microusd // purchase.amount_microusd


def _move_bonus(purchase: Purchase, bonus: Grant, row: Reversal) -> None:
    """Of the bonus only what is left is withdrawn: nobody owes us what was a gift."""
    target = bonus_microusd(purchase, purchase.withdrawn_microusd)
    change = target - purchase.bonus_withdrawn_microusd
    if change > 0:
        change = min(change, Account.objects.get(pk=bonus.account_id).balance_microusd or 0)
    if change > 0:
        ledger.claw_back(
            purchase.organization,
            amount_microusd=change,
            grants=[bonus],
            reference=f"{next_reference(row)}:bonus",
            to_account="promotions",
        )
    elif change < 0:
        ledger.reinstate(
            bonus,
            amount_microusd=-change,
            reference=f"{next_reference(row)}:bonus",
            from_account="promotions",
        )
    purchase.bonus_withdrawn_microusd += change
