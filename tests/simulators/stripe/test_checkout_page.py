"""The hosted page of Checkout, as a person sees it."""

from html.parser import HTMLParser

import pytest

from tests.simulators.stripe.till import CANCEL, VISA, Till, alert, heading


class Fields(HTMLParser):
    """The inputs of a page, and the labels that name them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.labelled: set[str] = set()
        self._label = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._label = self._label or tag == "label"
        if tag == "label" and found.get("for"):
            self.labelled.add(str(found["for"]))
        if tag in {"input", "select"}:
            name = str(found.get("id") or found["name"])
            self.inputs[name] = found
            if self._label and found.get("type") in {"radio", "checkbox"}:
                self.labelled.add(name)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._label = False


def test_every_field_has_a_label(till: Till) -> None:
    session = till.session(
        customer=till.customer().id,
        automatic_tax={"enabled": True},
        tax_id_collection={"enabled": True},
        customer_update={"address": "auto", "name": "auto"},
        saved_payment_method_options={"payment_method_save": "enabled"},
    )

    fields = Fields(till.web.get(till.page(session)).text)

    assert {"number", "expiry", "cvc", "country", "tax_id", "save"} <= fields.inputs.keys()
    assert fields.inputs.keys() <= fields.labelled


def test_the_page_says_what_is_paid_and_how_to_try(till: Till) -> None:
    text = till.web.get(till.page(till.session())).text

    assert "Stripe simulator" in text
    assert "Credits × 1" in text
    assert "Pay $25.00" in text
    assert "4000 0000 0000 9995" in text
    assert f'href="{CANCEL}"' in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"number": ""}, "Your card number is incomplete."),
        ({"number": "4242424242424241"}, "Your card number is invalid."),
        ({"expiry": "13/30"}, "Your card's expiration date is incomplete."),
        ({"expiry": "01/20"}, "Your card's expiration date is in the past."),
        ({"cvc": "1"}, "Your card's security code is incomplete."),
        ({"email": ""}, "Your email is incomplete."),
        ({"number": "4111111111111111"}, "Your card was declined. Your request was in test mode"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    till: Till, fields: dict[str, str], message: str
) -> None:
    session = till.session()
    filled = {"number": VISA, **fields}

    answer = till.press(session, **filled, name="Ann Acme")

    assert alert(answer.__class__(200, text=answer.text.replace("&#x27;", "'"))).startswith(message)
    assert 'value="Ann Acme"' in answer.text
    assert f'value="{filled["number"]}"' in answer.text
    assert "123" not in str(Fields(answer.text).inputs["cvc"]["value"])
    assert till.read(session).status == "open"


def test_a_second_press_shows_that_it_is_paid(till: Till) -> None:
    session = till.session()
    till.press(session)

    again = till.press(session)

    assert heading(again) == "This is already paid"
    assert len(till.v1.charges.list().data) == 1


def test_a_saved_card_is_offered_as_the_filters_say(till: Till) -> None:
    customer = till.customer()
    till.press(
        till.session(
            customer=customer.id, payment_intent_data={"setup_future_usage": "off_session"}
        )
    )
    card = till.v1.customers.payment_methods.list(customer.id).data[0]
    strict = till.session(customer=customer.id)
    wide = till.session(
        customer=customer.id,
        saved_payment_method_options={"allow_redisplay_filters": ["always", "limited"]},
    )

    assert card.id not in till.web.get(till.page(strict)).text
    assert card.id in till.web.get(till.page(wide)).text
    assert till.press(strict, "", method=card.id).status_code == 200
    assert till.press(wide, "", method=card.id).status_code == 303
    assert till.read(strict).status == "open"


def test_a_card_kept_by_a_tick_is_offered_again(till: Till) -> None:
    customer = till.customer()
    keeps = {
        "customer": customer.id,
        "saved_payment_method_options": {"payment_method_save": "enabled"},
    }
    till.press(till.session(**keeps), save="on")

    card = till.v1.customers.payment_methods.list(customer.id).data[0]

    assert card.allow_redisplay == "always"
    assert card.id in till.web.get(till.page(till.session(**keeps))).text


def test_the_bank_can_be_decided_by_a_button(till: Till) -> None:
    session = till.session()
    till.press(session, "", method="us_bank_account", bank="insufficient_funds")
    assert heading(till.web.get(till.page(session))) == "Your bank debit is on its way"

    till.web.post(f"{till.page(session)}/bank", data={"answer": "pay"})

    assert till.read(session).payment_status == "paid"


def test_an_unknown_page_is_404(till: Till) -> None:
    assert till.web.get("/c/pay/cs_test_none").status_code == 404
    assert till.web.get("/receipts/ch_none").status_code == 404
