"""A saved card and the terms on which it is charged, as tests of auto top-up want them."""

from typing import Any

from accounts.models import Event, Organization
from billing import auto_top_up_terms, cards, customers
from billing.auto_top_up_terms import Terms
from billing.models import AutoTopUp, Purchase
from tests.stripe_account import StripeAccount

VISA, MASTERCARD = "pm_card_visa", "pm_card_mastercard"
DEAD = "pm_card_chargeCustomerFail"  # can be saved, and is declined whenever it is charged
ASKS = "pm_card_authenticationRequired"  # its bank wants to see the person every time


def save_card(account: StripeAccount, organization: Organization, token: str = VISA) -> str:
    """Give the customer a card; the newest is the one that is charged, and we know it. Its payment method's id."""
    customer_id = customers.ensure(organization).stripe_id
    method = account.client.v1.payment_methods.attach(token, {"customer": customer_id})
    cards.follow(customer_id)
    return method.id


def choose_card(account: StripeAccount, organization: Organization, method_id: str) -> None:
    """One that was saved before becomes the default, so it is the one that is charged, and we know it."""
    customer_id = customers.ensure(organization).stripe_id
    account.client.v1.customers.update(
        customer_id, {"invoice_settings": {"default_payment_method": method_id}}
    )
    cards.follow(customer_id)


def agree(
    organization: Organization,
    *,
    threshold_usd: int = 30,
    amount_cents: int | None = 50_00,
    target_usd: int | None = None,
    ceiling_cents: int = 1_000_00,
    is_on: bool = True,
) -> AutoTopUp:
    """The organization's first member agrees to these terms."""
    member = organization.memberships.select_related("user").order_by("id")[0]
    terms = Terms(
        is_on=is_on,
        threshold_microusd=threshold_usd * 1_000_000,
        amount_cents=None if target_usd else amount_cents,
        target_microusd=target_usd * 1_000_000 if target_usd else None,
        ceiling_cents=ceiling_cents,
    )
    return auto_top_up_terms.set_terms(organization, terms, actor=member.user)


def top_ups(organization: Organization) -> list[tuple[str, int]]:
    """(state, cents) of every one, the oldest first."""
    mine = Purchase.objects.filter(organization=organization, origin=Purchase.Origin.AUTO_TOP_UP)
    return list(mine.order_by("id").values_list("state", "amount_cents"))


def charges(account: StripeAccount) -> list[tuple[str, int]]:
    """(status, cents) of every charge that Stripe has seen, the oldest first."""
    listed = account.client.v1.charges.list({"limit": 100}).auto_paging_iter()
    return [(charge.status, charge.amount) for charge in listed][::-1]


def told(type: str) -> list[dict[str, Any]]:
    """What was published of this type, the oldest first."""
    return [event.data for event in Event.objects.filter(type=type).order_by("id")]
