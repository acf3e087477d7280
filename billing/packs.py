"""What can be bought: packs with their bonus, and any amount between two limits."""

from dataclasses import dataclass
from datetime import timedelta

AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX = 25_00, 10_000_00
GOOD_FOR = timedelta(days=365)


@dataclass(frozen=True)
class Pack:
    """Pay `amount_cents`, and get `bonus_cents` of promotional credits beside what was paid for."""

    amount_cents: int
    bonus_cents: int


PACKS = (Pack(50_00, 0), Pack(200_00, 4_00), Pack(500_00, 20_00), Pack(1_000_00, 60_00))
_BONUS_CENTS = {pack.amount_cents: pack.bonus_cents for pack in PACKS}


def bonus_microusd(amount_cents: int) -> int:
    """The bonus of the pack of this price, however the amount was chosen; 0 for any other amount."""
    return _BONUS_CENTS.get(amount_cents, 0) * 10_000


@dataclass(frozen=True)
class Effect:
    """What buying does to the credits. A debt is paid from what comes in, first."""

    amount_microusd: int
    bonus_microusd: int
    debt_microusd: int
    available_microusd: int  # afterwards


def effect(amount_cents: int, *, available_microusd: int, debt_microusd: int) -> Effect:
    amount, bonus = amount_cents * 10_000, bonus_microusd(amount_cents)
    debt = min(debt_microusd, amount + bonus)
    return Effect(amount, bonus, debt, available_microusd + amount + bonus - debt)
