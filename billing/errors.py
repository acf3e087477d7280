"""Why money says no."""

from datetime import datetime
from typing import Any

from billing import periods
from billing.models import Purchase
from seedance_saas.api import moment, usd
from seedance_saas.errors import Conflict, Forbidden, InvalidRequest, Refusal


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


class BudgetExceeded(Refusal):
    """A budget does not admit the hold. Retryable when only open holds of others stand in the way.

    `held` counts what the same call asked for before; `asked_microusd` is all that it asks for. `verdict` is
    the database's: beside what `details` say, it names the budget.
    """

    code, status = "budget_exceeded", 402

    def __init__(self, verdict: dict[str, Any], *, asked_microusd: int, now: datetime) -> None:
        limit, spent, held, needed = (
            int(verdict[f"{name}_microusd"]) for name in ("limit", "spent", "held", "needed")
        )
        resets_at = periods.ends_at(verdict["period"], now)
        self.verdict = verdict
        self.retryable = spent + asked_microusd <= limit
        super().__init__(
            f"The budget of this {verdict['scope'].replace('_', ' ')} is ${usd(limit)} per "
            f"{verdict['period']}: ${usd(spent)} is spent, ${usd(held)} is held, and this needs up to "
            f"${usd(needed)}.".replace("per lifetime", "in all"),
            scope=verdict["scope"],
            id=verdict["id"],
            period=verdict["period"],
            limit_usd=usd(limit),
            spent_usd=usd(spent),
            held_usd=usd(held),
            needed_usd=usd(needed),
            resets_at=moment(resets_at),
        )


class SandboxPaysNothing(Forbidden):
    """A sandbox has free credits, and never meets Stripe."""

    code = "sandbox_pays_nothing"

    def __init__(self) -> None:
        super().__init__("A sandbox has free credits: there is nothing to buy.")


class PaidMeanwhile(Conflict):
    """The form did not know of a purchase that was paid since it was made: it has to be sent once more."""

    code = "paid_meanwhile"

    def __init__(self, purchase: Purchase) -> None:
        self.purchase = purchase
        super().__init__(
            f"A purchase of ${usd(purchase.amount_microusd)} was paid meanwhile.",
            purchase=purchase.id,
        )


class RefundTooLarge(InvalidRequest):
    """More than can go back."""

    code = "refund_too_large"

    def __init__(self, *, most_cents: int, is_spent_too: bool) -> None:
        what = "is left of what was paid" if is_spent_too else "is unspent"
        super().__init__(
            f"Only ${usd(most_cents * 10_000)} {what}.",
            param="amount_usd",
            at_most_usd=usd(most_cents * 10_000),
        )


class MoreDebt(Conflict):
    """Credits were spent since somebody agreed to what a refund would leave owed."""

    code = "more_debt"

    def __init__(self, *, debt_microusd: int, agreed_microusd: int) -> None:
        super().__init__(
            f"It would leave a debt of ${usd(debt_microusd)} now, and not of ${usd(agreed_microusd)}.",
            debt_usd=usd(debt_microusd),
            agreed_usd=usd(agreed_microusd),
        )
