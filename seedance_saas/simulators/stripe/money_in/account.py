"""GET /v1/account: whose key it is."""

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.registry import endpoint


@endpoint("GET", "/v1/account")
def retrieve(call: Call) -> Json:
    return {
        "id": "acct_1SimulatorOfStripe",
        "object": "account",
        "business_profile": {"name": "Stripe simulator", "support_email": None, "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "us_bank_account_ach_payments": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": 1735689600,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Stripe simulator", "timezone": "Etc/UTC"}},
        "type": "standard",
    }
