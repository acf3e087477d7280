"""The billing portal: cards are added, chosen and removed there."""

import httpx
import pytest
import stripe

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.till import DECLINED, VISA, Till, alert, refused


@pytest.fixture
def configuration(till: Till) -> stripe.billing_portal.Configuration:
    return till.v1.billing_portal.configurations.create(
        {
            "features": {
                "payment_method_update": {"enabled": True},
                "invoice_history": {"enabled": True},
            }
        }
    )


def add(till: Till, url: str, number: str = VISA) -> httpx.Response:
    form = {"number": number, "expiry": "12/34", "cvc": "123", "add": ""}
    return till.web.post(url, data=form)


def default_of(till: Till, customer: stripe.Customer) -> object:
    settings = till.v1.customers.retrieve(customer.id).invoice_settings
    assert settings is not None
    return settings.default_payment_method


@pytest.mark.usefixtures("configuration")
def test_a_card_is_added_chosen_and_removed(till: Till) -> None:
    customer = till.customer()
    session = till.v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "https://shop.example/billing"}
    )
    assert 'href="https://shop.example/billing"' in till.web.get(session.url).text

    add(till, session.url)
    add(till, session.url, "5555555555554444")
    second, first = till.v1.customers.payment_methods.list(customer.id).data
    assert default_of(till, customer) == second.id

    till.web.post(session.url, data={"default": first.id})
    assert default_of(till, customer) == first.id

    till.web.post(session.url, data={"remove": first.id})
    assert default_of(till, customer) is None
    left = till.v1.customers.payment_methods.list(customer.id).data
    assert [one.id for one in left] == [second.id]


@pytest.mark.usefixtures("configuration")
def test_a_declined_card_is_not_added(till: Till) -> None:
    customer = till.customer()
    session = till.v1.billing_portal.sessions.create({"customer": customer.id})

    assert alert(add(till, session.url, DECLINED)) == "Your card was declined."

    assert till.v1.customers.payment_methods.list(customer.id).data == []


@pytest.mark.usefixtures("configuration")
def test_a_strangers_card_cannot_be_removed(till: Till) -> None:
    card = till.card(till.customer())
    session = till.v1.billing_portal.sessions.create({"customer": till.customer().id})

    till.web.post(session.url, data={"remove": card.id})

    assert till.v1.payment_methods.retrieve(card.id).customer is not None


@pytest.mark.usefixtures("configuration", "noon")
def test_a_link_is_good_for_an_hour(till: Till, control: Control) -> None:
    session = till.v1.billing_portal.sessions.create({"customer": till.customer().id})

    control("advance", seconds=3601)

    assert till.web.get(session.url).status_code == 404


def test_without_a_configuration_there_is_no_portal(till: Till) -> None:
    error = refused(till.v1.billing_portal.sessions.create, {"customer": till.customer().id})

    assert "until you save your customer portal settings" in str(error)


def test_a_configuration_can_switch_cards_off(
    till: Till, configuration: stripe.billing_portal.Configuration
) -> None:
    till.v1.billing_portal.configurations.update(
        configuration.id, {"features": {"payment_method_update": {"enabled": False}}}
    )
    customer = till.customer()
    session = till.v1.billing_portal.sessions.create({"customer": customer.id})

    add(till, session.url)

    assert "Add a card" not in till.web.get(session.url).text
    assert till.v1.customers.payment_methods.list(customer.id).data == []
