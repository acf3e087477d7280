"""What each refund and dispute of a purchase did to the credits, read from the ledger's transfers."""

from dataclasses import dataclass

from billing import reversals
from billing.models import Purchase, Reversal, Transfer


@dataclass(frozen=True)
class Effect:
    """Of one refund or dispute, so far."""

    reversal: Reversal
    withdrawn_microusd: int  # of the credits that were left
    debt_microusd: int  # had been spent, and is owed since
    given_again_microusd: int


def of(purchase: Purchase) -> list[Effect]:
    """The oldest first. Two queries, however many there are."""
    rows = list(purchase.reversals.order_by("id"))
    transfers: dict[str, list[Transfer]] = {}
    if rows:
        wanted = reversals.references(rows)
        found = Transfer.objects.filter(organization=purchase.organization_id, reference__in=wanted)
        for transfer in found:
            transfers.setdefault(transfer.reference, []).append(transfer)
    return [
        _effect(
            row, [one for name in reversals.references([row]) for one in transfers.get(name, [])]
        )
        for row in rows
    ]


def _effect(row: Reversal, moved: list[Transfer]) -> Effect:
    back = [one for one in moved if one.kind == Transfer.Kind.CLAW_BACK]
    again = [one for one in moved if one.kind == Transfer.Kind.REINSTATE]
    return Effect(
        reversal=row,
        withdrawn_microusd=sum(one.amount_microusd for one in back if one.grant_id),
        debt_microusd=sum(one.amount_microusd for one in back if not one.grant_id),
        given_again_microusd=sum(one.amount_microusd for one in again),
    )
