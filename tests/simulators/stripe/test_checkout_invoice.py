"""Checkout makes a paid invoice when the session asks for one."""

import stripe

from tests.simulators.stripe.till import Till


def test_a_paid_session_has_a_paid_invoice(till: Till) -> None:
    session = till.session(
        amount=2500,
        invoice_creation={
            "enabled": True,
            "invoice_data": {"metadata": {"organization": "7"}, "footer": "Thank you"},
        },
    )
    till.press(session)

    found = till.read(session)
    assert isinstance(found.invoice, str)
    invoice = till.v1.invoices.retrieve(found.invoice, {"expand": ["payments"]})
    assert (invoice.status, invoice.total, invoice.amount_paid) == ("paid", 2500, 2500)
    assert (invoice.customer, invoice.footer) == (found.customer, "Thank you")
    assert invoice.metadata
    assert invoice.metadata.to_dict() == {"organization": "7"}
    assert invoice.number
    assert [(line.amount, line.description) for line in invoice.lines.data] == [(2500, "Credits")]
    assert invoice.payments
    (payment,) = invoice.payments.data
    assert (payment.status, payment.payment.payment_intent) == ("paid", found.payment_intent)
    assert len(till.v1.charges.list().data) == 1
    told = till.told()
    assert told.index("invoice.paid") < told.index("checkout.session.completed")
    (event,) = till.v1.events.list({"type": "checkout.session.completed"}).data
    assert event.data.object["invoice"] == invoice.id


def test_the_tax_of_the_session_is_the_tax_of_the_invoice(till: Till) -> None:
    session = till.session(
        amount=2505, invoice_creation={"enabled": True}, automatic_tax={"enabled": True}
    )
    till.press(session, country="DE")

    found = till.read(session)
    assert isinstance(found.invoice, str)
    invoice = till.v1.invoices.retrieve(found.invoice)
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (2505, 2756, 2756)
    assert [tax.amount for tax in invoice.total_taxes or []] == [251]
    assert found.amount_total == 2756


def test_without_the_wish_there_is_none(till: Till) -> None:
    session = till.session()
    till.press(session)

    assert till.read(session).invoice is None
    assert till.v1.invoices.list().data == []


def test_a_bank_debit_has_its_invoice_when_the_bank_has_paid(
    till: Till, client: stripe.StripeClient
) -> None:
    session = till.session(
        invoice_creation={"enabled": True},
        allowed_payment_method_types=["card", "us_bank_account"],
    )
    till.press(session, "", method="us_bank_account")
    assert client.v1.invoices.list().data == []

    till.web.post(f"{till.page(session)}/bank", data={"answer": "pay"})

    (invoice,) = client.v1.invoices.list().data
    assert invoice.status == "paid"
    assert till.read(session).invoice == invoice.id
