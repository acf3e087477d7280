"""Why money says no."""

from seedance_saas.api import usd
from seedance_saas.errors import Refusal


class InsufficientCredits(Refusal):
    """Fewer credits are available than the hold needs."""

    code, status = "insufficient_credits", 402

    def __init__(self, *, needed_microusd: int, available_microusd: int) -> None:
        self.needed_microusd, self.available_microusd = needed_microusd, available_microusd
        super().__init__(
            f"This needs up to ${usd(needed_microusd)} and ${usd(available_microusd)} is available.",
            needed_usd=usd(needed_microusd),
            available_usd=usd(available_microusd),
        )


class InDebt(Refusal):
    """Money that was spent was taken back; nothing new is held until it is paid."""

    code, status = "billing_hold", 402

    def __init__(self, *, debt_microusd: int) -> None:
        super().__init__(
            f"New work waits until the debt of ${usd(debt_microusd)} is paid.",
            debt_usd=usd(debt_microusd),
        )
