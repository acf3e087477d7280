"""What was bought at the simulated Stripe, for tests of what comes afterwards."""

from collections.abc import Callable

from accounts.models import Organization, User
from billing import purchases
from billing.models import Purchase, Transfer
from tests.stripe_account import VISA, StripeAccount
from tests.world import make_user

DISPUTED, FAILS_LATER, PENDING = "4000000000000259", "4000000000005126", "4000000000007726"


def begin(organization: Organization, cents: int, form: str = "form1") -> Purchase:
    newest = organization.purchases.filter(state="paid").order_by("-paid_at").first()
    return purchases.begin(
        organization,
        amount_cents=cents,
        made_by=make_user(),
        token=form,
        last_paid_id=newest.id if newest else "",
    )


def paid(
    organization: Organization,
    account: StripeAccount,
    cents: int,
    number: str = VISA,
    form: str = "form1",
) -> Purchase:
    """Paid on Stripe's page, and followed; the webhooks about it were lost."""
    purchase = purchases.open_checkout(begin(organization, cents, form))
    account.press(purchase.session_id, number)
    purchase = purchases.follow(purchase)
    assert purchase.state == "paid"
    lose_webhooks(account)
    return purchase


def lose_webhooks(account: StripeAccount) -> None:
    for delivery in account.waiting():
        account.simulator.deliveries.mark(delivery.id, 200)


def charge_of(account: StripeAccount, purchase: Purchase) -> str:
    (charge,) = account.simulator.store.select("charge", {"payment_intent": purchase.intent_id})
    return str(charge["id"])


def dispute(account: StripeAccount, purchase: Purchase, **values: object) -> str:
    """Opened by the bank, and not told yet; its id at Stripe."""
    made = account.control("disputes", charge=charge_of(account, purchase), **values)
    return str(made["id"])


def came_in(account_id: str) -> int:
    """What an account of ours got from purchases and gave back, money that came in counting up, in micro-dollars."""
    mine = Transfer.objects.filter(reference__regex=r"^(purchase:pur_|refund:|dispute:)")
    moved = mine.filter(from_account=account_id) | mine.filter(to_account=account_id)
    return sum(
        one.amount_microusd if one.from_account_id == account_id else -one.amount_microusd
        for one in moved
    )


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
