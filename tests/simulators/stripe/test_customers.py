"""Customers: what is kept, what a deleted one looks like, and their tax ids."""

from tests.simulators.stripe.till import Till, plain, refused


def test_a_change_tells_what_was_there_before(till: Till) -> None:
    customer = till.customer(name="Ann")

    till.v1.customers.update(customer.id, {"name": "Anna", "address": {"country": "DE"}})

    event = till.events()[-1]
    assert event.type == "customer.updated"
    assert event.data.object["name"] == "Anna"
    assert plain(event.data.previous_attributes) == {"name": "Ann", "address": None}


def test_a_default_payment_method_must_be_the_customers_own(till: Till) -> None:
    ann, bob = till.customer(), till.customer()
    card = till.card(ann)
    wanted = {"invoice_settings": {"default_payment_method": card.id}}

    error = refused(till.v1.customers.update, bob.id, wanted)

    assert getattr(error, "param", None) == "invoice_settings[default_payment_method]"
    till.v1.customers.update(ann.id, {"invoice_settings": {"default_payment_method": card.id}})
    settings = till.v1.customers.retrieve(ann.id).invoice_settings
    assert settings is not None
    assert settings.default_payment_method == card.id


def test_a_deleted_customer_is_a_shadow_without_cards(till: Till) -> None:
    customer = till.customer()
    card = till.card(customer)

    assert till.v1.customers.delete(customer.id).deleted

    shadow = till.v1.customers.retrieve(customer.id)
    assert shadow.to_dict() == {"id": customer.id, "object": "customer", "deleted": True}
    assert till.v1.customers.list().data == []
    assert till.v1.payment_methods.retrieve(card.id).customer is None
    assert refused(till.v1.customers.update, customer.id, {"name": "x"}).http_status == 404
    assert till.told()[-2:] == ["payment_method.detached", "customer.deleted"]


def test_tax_ids_show_when_asked_for(till: Till) -> None:
    customer = till.customer(tax_id_data=[{"type": "eu_vat", "value": "DE123456789"}])

    plain = till.v1.customers.retrieve(customer.id)
    full = till.v1.customers.retrieve(customer.id, {"expand": ["tax_ids"]})

    assert "tax_ids" not in plain.to_dict()
    assert full.tax_ids is not None
    assert [(one.type, one.country) for one in full.tax_ids.data] == [("eu_vat", "DE")]


def test_an_email_without_an_at_is_refused(till: Till) -> None:
    error = refused(till.v1.customers.create, {"email": "ann"})

    assert error.code == "email_invalid"


def test_a_card_can_come_with_the_customer_as_the_default(till: Till) -> None:
    customer = till.customer(
        payment_method="pm_card_visa",
        invoice_settings={"default_payment_method": "pm_card_visa"},
    )

    card = till.v1.customers.payment_methods.list(customer.id).data[0]

    assert customer.invoice_settings is not None
    assert customer.invoice_settings.default_payment_method == card.id
