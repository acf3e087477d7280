"""Checkout sessions: what they are before and after they are paid."""

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.till import ASKS, DECLINED, Till, alert, plain, refused


def test_an_open_session_has_an_address_and_no_payment(till: Till) -> None:
    session = till.session(client_reference_id="order-1", metadata={"a": "b"})

    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.url == till.page(session)
    assert session.payment_intent is None
    assert (session.amount_subtotal, session.amount_total) == (2500, 2500)
    assert session.client_reference_id == "order-1"
    assert till.v1.payment_intents.list().data == []


def test_a_paid_session_knows_its_payment(till: Till) -> None:
    session = till.session(
        metadata={"of": "session"}, payment_intent_data={"metadata": {"of": "intent"}}
    )

    answer = till.press(session)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://shop.example/ok?session={session.id}"
    paid = till.read(session)
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = till.v1.payment_intents.retrieve(str(paid.payment_intent))
    assert (intent.status, intent.amount) == ("succeeded", 2500)
    assert plain(paid.metadata) == {"of": "session"}
    assert plain(intent.metadata) == {"of": "intent"}
    found = till.v1.checkout.sessions.list({"payment_intent": intent.id})
    assert [one.id for one in found.data] == [session.id]
    assert till.told()[-1] == "checkout.session.completed"


def test_a_customer_comes_only_when_needed(till: Till) -> None:
    guest, kept = till.session(), till.session(customer_creation="always")
    till.press(guest)
    till.press(kept)

    assert till.read(guest).customer is None
    customer = till.v1.customers.retrieve(str(till.read(kept).customer))
    assert customer.email == "ann@acme.example"


def test_a_card_saved_for_later_pays_later(till: Till) -> None:
    customer = till.customer()
    session = till.session(
        customer=customer.id, payment_intent_data={"setup_future_usage": "off_session"}
    )
    till.press(session, "4000002500003155")
    till.web.post(f"{till.page(session)}/authenticate", data={"answer": "complete"})

    card = till.v1.customers.payment_methods.list(customer.id).data[0]
    intent = till.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": card.id,
            "off_session": True,
            "confirm": True,
        }
    )

    assert card.allow_redisplay == "limited"
    assert intent.status == "succeeded"


def test_a_card_can_be_saved_that_will_be_declined(till: Till) -> None:
    customer = till.customer()
    session = till.session(
        customer=customer.id, payment_intent_data={"setup_future_usage": "off_session"}
    )
    assert till.press(session, "4000000000000341").status_code == 303
    card = till.v1.customers.payment_methods.list(customer.id).data[0]

    error = refused(lambda: till.charge(customer=customer.id, payment_method=card.id))

    assert error.code == "card_declined"


def test_a_card_used_once_is_not_saved(till: Till) -> None:
    customer = till.customer()
    till.press(till.session(customer=customer.id))

    assert till.v1.customers.payment_methods.list(customer.id).data == []


def test_tax_is_added_once_the_address_is_known(till: Till) -> None:
    customer = till.customer()
    session = till.session(
        amount=2505,
        customer=customer.id,
        automatic_tax={"enabled": True},
        customer_update={"address": "auto"},
    )
    assert session.automatic_tax.status == "requires_location_inputs"
    assert session.amount_total == 2505

    till.press(session, country="DE")

    paid = till.read(session)
    assert paid.total_details is not None
    assert paid.total_details.amount_tax == 251  # 250.5, half up
    assert paid.amount_total == 2756
    assert till.v1.payment_intents.retrieve(str(paid.payment_intent)).amount == 2756
    address = till.v1.customers.retrieve(customer.id).address
    assert address is not None
    assert address.country == "DE"


def test_tax_for_a_customer_without_address_needs_leave_to_save_it(till: Till) -> None:
    customer = till.customer()

    error = refused(lambda: till.session(customer=customer.id, automatic_tax={"enabled": True}))

    assert error.code == "customer_tax_location_invalid"


def test_a_tax_id_needs_leave_to_save_the_name(till: Till) -> None:
    customer = till.customer()
    asks = {"customer": customer.id, "tax_id_collection": {"enabled": True}}
    assert "customer_update[name]" in str(refused(lambda: till.session(**asks)))

    session = till.session(**asks, customer_update={"name": "auto"})
    till.press(session, business_name="Acme GmbH", tax_id="DE123456789")

    kept = till.v1.customers.retrieve(customer.id, {"expand": ["tax_ids"]})
    assert kept.name == "Acme GmbH"
    assert kept.tax_ids is not None
    assert [one.value for one in kept.tax_ids.data] == ["DE123456789"]
    details = till.read(session).customer_details
    assert details is not None
    assert details.tax_ids is not None
    assert details.tax_ids[0].type == "eu_vat"


def test_a_decline_leaves_the_session_open(till: Till) -> None:
    session = till.session()

    assert alert(till.press(session, DECLINED)) == "Your card was declined."

    still = till.read(session)
    assert (still.status, still.payment_intent) == ("open", None)
    assert "payment_intent.payment_failed" in till.told()
    assert till.press(session).status_code == 303
    assert len(till.v1.payment_intents.list().data) == 1
    assert len(till.v1.charges.list().data) == 2


@pytest.mark.parametrize("ending", ["by time", "by hand"])
def test_an_expired_session_cannot_be_paid(
    till: Till, noon: int, control: Control, ending: str
) -> None:
    session = till.session(expires_at=NOON + 1800)
    till.press(session, DECLINED)
    if ending == "by time":
        control("advance", seconds=1800)
    else:
        till.v1.checkout.sessions.expire(session.id)

    answer = till.press(session)

    assert "expired" in answer.text
    assert till.read(session).status == "expired"
    assert till.v1.payment_intents.list().data[0].status == "canceled"
    assert till.told()[-1] == "checkout.session.expired"


def test_a_session_that_is_over_cannot_be_expired(till: Till) -> None:
    session = till.session()
    till.press(session)

    error = refused(till.v1.checkout.sessions.expire, session.id)

    assert "has a status of `complete`" in str(error)


@pytest.mark.parametrize("seconds", [1799, 24 * 3600 + 1])
def test_a_session_lives_from_half_an_hour_to_a_day(till: Till, noon: int, seconds: int) -> None:
    error = refused(lambda: till.session(expires_at=NOON + seconds))

    assert getattr(error, "param", None) == "expires_at"


@pytest.mark.parametrize(
    "values",
    [
        {"mode": "subscription"},
        {"ui_mode": "elements"},
        {"payment_intent_data": {"capture_method": "manual"}},
        {"success_url": "ok"},
        {"line_items": []},
        {"customer_email": "a@b.co", "customer": "cus_1"},
        {"customer_update": {"name": "auto"}},
    ],
)
def test_what_stripe_refuses_is_refused(till: Till, values: dict[str, object]) -> None:
    assert refused(lambda: till.session(**values)).http_status == 400
    assert till.v1.checkout.sessions.list().data == []


def test_line_items_can_be_read(till: Till) -> None:
    session = till.session()

    items = till.v1.checkout.sessions.line_items.list(session.id)
    full = till.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})

    assert [(item.description, item.quantity, item.amount_total) for item in items.data] == [
        ("Credits", 1, 2500)
    ]
    assert full.line_items is not None
    assert full.line_items.data[0].id == items.data[0].id
    assert "line_items" not in session.to_dict()


def test_the_bank_asks_on_a_page_of_its_own(till: Till) -> None:
    session = till.session()
    answer = till.press(session, ASKS)
    challenge = answer.headers["location"]
    assert till.web.get(challenge).text.count("<button") == 2
    assert till.read(session).status == "open"

    failed = till.web.post(challenge, data={"answer": "fail"})
    assert "unable to authenticate" in alert(failed)

    till.press(session, ASKS)
    done = till.web.post(challenge, data={"answer": "complete"})
    assert done.status_code == 303
    intent = till.v1.payment_intents.retrieve(
        str(till.read(session).payment_intent), {"expand": ["latest_charge"]}
    )
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.payment_method_details is not None
    assert intent.latest_charge.payment_method_details.card is not None
    proof = intent.latest_charge.payment_method_details.card.three_d_secure
    assert proof is not None
    assert proof.result == "authenticated"


def test_a_bank_debit_completes_unpaid_and_is_paid_later(
    till: Till, noon: int, control: Control
) -> None:
    paid, unpaid = till.session(), till.session()
    for session, bank in ((paid, ""), (unpaid, "insufficient_funds")):
        answer = till.press(session, "", method="us_bank_account", bank=bank)
        assert answer.status_code == 303
        found = till.read(session)
        assert (found.status, found.payment_status) == ("complete", "unpaid")

    control("advance", seconds=60)

    assert till.read(paid).payment_status == "paid"
    assert till.read(unpaid).payment_status == "unpaid"
    told = till.told()
    assert told.count("checkout.session.async_payment_succeeded") == 1
    assert told.count("checkout.session.async_payment_failed") == 1


def test_a_debit_that_is_on_its_way_is_paid_though_its_account_was_removed(
    till: Till, noon: int, control: Control
) -> None:
    customer = till.customer().id
    for_later: dict[str, object] = {"setup_future_usage": "off_session"}
    session = till.session(customer=customer, payment_intent_data=for_later)
    till.press(session, "", method="us_bank_account", bank="")
    (method,) = till.v1.customers.payment_methods.list(customer).data
    till.v1.payment_methods.detach(method.id)

    control("advance", seconds=60)

    assert till.read(session).payment_status == "paid"
    assert till.v1.customers.payment_methods.list(customer).data == []


def test_only_the_allowed_ways_are_offered(till: Till) -> None:
    session = till.session(allowed_payment_method_types=["card"])

    assert "Bank debit" not in till.web.get(till.page(session)).text
    assert alert(till.press(session, "", method="us_bank_account")) == "Choose another way to pay."


def test_a_card_is_saved_without_a_payment(till: Till) -> None:
    customer = till.customer()
    session = till.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "customer": customer.id,
            "currency": "usd",
            "success_url": "https://shop.example/ok",
        }
    )
    assert session.payment_status == "no_payment_required"
    assert alert(till.press(session, DECLINED)) == "Your card was declined."

    assert till.press(session).status_code == 303

    intent = till.v1.setup_intents.retrieve(str(till.read(session).setup_intent))
    assert intent.status == "succeeded"
    card = till.v1.customers.payment_methods.list(customer.id).data[0]
    assert card.id == intent.payment_method
    assert till.v1.charges.list().data == []
