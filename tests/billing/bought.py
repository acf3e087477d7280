"""A purchase that was paid at Stripe, for tests of what comes afterwards."""

from collections.abc import Callable

from accounts.models import Organization, User
from billing import purchases
from billing.models import Purchase
from tests.stripe_account import VISA, StripeAccount


def bought(
    organization: Organization,
    by: User,
    account: StripeAccount,
    run_queue: Callable[[], int],
    *,
    cents: int = 200_00,
    card: str = VISA,
) -> Purchase:
    """Paid on Stripe's page with this card, and every webhook handled."""
    paid = Purchase.objects.filter(organization=organization, state="paid").order_by("-paid_at")
    last = paid.first()
    purchase = purchases.begin(
        organization,
        amount_cents=cents,
        made_by=by,
        token=f"form{Purchase.objects.count()}",
        last_paid_id=last.id if last else "",
    )
    purchase = purchases.open_checkout(purchase)
    account.press(purchase.session_id, card)
    settle(account, run_queue)
    return Purchase.objects.select_related("organization").get(pk=purchase.pk)


def settle(account: StripeAccount, run_queue: Callable[[], int]) -> None:
    """Deliver and handle until nothing waits any more."""
    while account.deliver() + run_queue():
        pass
