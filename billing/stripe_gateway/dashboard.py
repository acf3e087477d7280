"""Where a person finds an object in Stripe's own dashboard."""

from django.conf import settings

URL = "https://dashboard.stripe.com"
_PAGES = {
    "pi": "payments",
    "dp": "disputes",
    "du": "disputes",
    "evt": "events",
    "cus": "customers",
    "in": "invoices",
    "sub": "subscriptions",
}


def url_of(stripe_id: str) -> str:
    """ "" for what has no page of its own, and while Stripe is simulated: there is no dashboard then."""
    place = _PAGES.get(stripe_id.partition("_")[0])
    if place is None or settings.STRIPE_SIMULATED:
        return ""
    is_live = settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
    return f"{URL}/{'' if is_live else 'test/'}{place}/{stripe_id}"
