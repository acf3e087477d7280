"""A customer, cards and the hosted pages, for tests of the simulated Stripe."""

import re
from typing import Any, cast

import httpx
import pytest
import stripe

SUCCESS, CANCEL = "https://shop.example/ok?session={CHECKOUT_SESSION_ID}", "https://shop.example/no"
VISA_TOKEN = "pm_card_visa"
VISA, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002760003184"


class Till:
    """Everything in dollars; amounts are cents."""

    def __init__(self, client: stripe.StripeClient, url: str) -> None:
        self.v1, self.url = client.v1, url
        self.web = httpx.Client(base_url=self.url, trust_env=False, follow_redirects=False)

    def customer(self, **values: Any) -> stripe.Customer:
        given = {"email": "ann@acme.example", **values}
        return self.v1.customers.create(cast("Any", given))

    def card(self, customer: stripe.Customer, token: str = VISA_TOKEN) -> stripe.PaymentMethod:
        return self.v1.payment_methods.attach(token, {"customer": customer.id})

    def charge(
        self, token: str = VISA_TOKEN, amount: int = 1000, **values: Any
    ) -> stripe.PaymentIntent:
        """Off session, from a customer of its own."""
        customer = self.customer()
        params: dict[str, Any] = {
            "amount": amount,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": self.card(customer, token).id,
            "off_session": True,
            "confirm": True,
        }
        return self.v1.payment_intents.create(cast("Any", params | values))

    def session(self, **values: Any) -> stripe.checkout.Session:
        price = {
            "currency": "usd",
            "unit_amount": values.pop("amount", 2500),
            "product_data": {"name": "Credits"},
        }
        params: dict[str, Any] = {
            "mode": "payment",
            "success_url": SUCCESS,
            "cancel_url": CANCEL,
            "line_items": [{"price_data": price, "quantity": 1}],
        }
        return self.v1.checkout.sessions.create(cast("Any", params | values))

    def press(
        self, session: stripe.checkout.Session, number: str = VISA, **fields: str
    ) -> httpx.Response:
        """Fill in the page of a session and press its button."""
        form = {"number": number, "expiry": "12/34", "cvc": "123", "email": "ann@acme.example"}
        return self.web.post(self.page(session), data={**form, **fields})

    def page(self, session: stripe.checkout.Session) -> str:
        return f"{self.url}/c/pay/{session.id}"

    def read(self, session: stripe.checkout.Session) -> stripe.checkout.Session:
        return self.v1.checkout.sessions.retrieve(session.id)

    def told(self) -> list[str]:
        """The types of all events, the oldest first."""
        return [event.type for event in self.events()]

    def balance(self) -> int:
        """Available and pending together."""
        found = self.v1.balance.retrieve()
        return sum(part.amount for part in found.available) + sum(p.amount for p in found.pending)

    def events(self) -> list[stripe.Event]:
        found = self.v1.events.list({"limit": 100}).auto_paging_iter()
        return list(found)[::-1]


def alert(answer: httpx.Response) -> str:
    """What the page complains of."""
    found = re.search(r'role="alert">([^<]*)<', answer.text)
    assert found is not None, answer.text
    return found[1]


def heading(answer: httpx.Response) -> str:
    found = re.search(r"<h1>([^<]*)</h1>", answer.text)
    assert found is not None, answer.text
    return found[1]


def refused(call: Any, *arguments: Any) -> stripe.StripeError:
    """The error that the call ends in."""
    with pytest.raises(stripe.StripeError) as caught:
        call(*arguments)
    return caught.value


def plain(found: stripe.StripeObject | None) -> dict[str, Any]:
    """What the library read, as the JSON that came."""
    assert found is not None
    return found.to_dict()
