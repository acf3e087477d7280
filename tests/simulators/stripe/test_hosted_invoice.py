"""The page of an invoice: what a customer sees and presses, and the PDF."""

import re
from typing import Any, cast

import httpx
import pytest
import stripe

from tests.simulators.stripe.shop import Shop

VISA, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002760003184"


@pytest.fixture
def invoice(shop: Shop) -> stripe.Invoice:
    made = shop.client.v1.invoices.create(
        {"customer": shop.customer, "collection_method": "send_invoice", "days_until_due": 14}
    )
    shop.client.v1.invoice_items.create(
        {
            "customer": shop.customer,
            "invoice": made.id,
            "amount": 1250,
            "currency": "usd",
            "description": "Video <b>seconds</b>",
        }
    )
    return shop.client.v1.invoices.send_invoice(made.id)


def look(invoice: stripe.Invoice) -> httpx.Response:
    assert invoice.hosted_invoice_url
    return httpx.get(invoice.hosted_invoice_url, trust_env=False)


def press(
    invoice: stripe.Invoice, number: str = "", *, follow: bool = True, **fields: str
) -> httpx.Response:
    assert invoice.hosted_invoice_url
    form = {"number": number, "expiry": "12/34", "cvc": "123"} | fields
    return httpx.post(
        invoice.hosted_invoice_url, data=form, follow_redirects=follow, trust_env=False
    )


def status(shop: Shop, invoice: stripe.Invoice) -> str | None:
    return shop.client.v1.invoices.retrieve(invoice.id).status


def test_the_page_shows_what_is_to_be_paid(invoice: stripe.Invoice) -> None:
    page = look(invoice)

    assert page.status_code == 200
    assert "Stripe simulator" in page.text
    assert f"Invoice {invoice.number}" in page.text
    assert "Video &lt;b&gt;seconds&lt;/b&gt;" in page.text
    assert "Pay $12.50" in page.text
    assert "<script" not in page.text


def test_a_new_card_pays(shop: Shop, invoice: stripe.Invoice) -> None:
    page = press(invoice, VISA)

    assert "This invoice is paid." in page.text
    assert status(shop, invoice) == "paid"
    (charge,) = shop.client.v1.charges.list().data
    assert (charge.amount, charge.payment_method == shop.card) == (1250, False)


def test_a_saved_card_pays(shop: Shop, invoice: stripe.Invoice) -> None:
    press(invoice, method=shop.card)

    assert status(shop, invoice) == "paid"
    assert shop.client.v1.charges.list().data[0].payment_method == shop.card


def test_a_decline_is_said_and_it_can_be_tried_again(shop: Shop, invoice: stripe.Invoice) -> None:
    page = press(invoice, DECLINED)
    assert "Your card was declined." in page.text
    assert status(shop, invoice) == "open"

    press(invoice, VISA)
    assert status(shop, invoice) == "paid"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"number": ""}, "Your card number is incomplete."),
        ({"number": "4242424242424241"}, "Your card number is invalid."),
        ({"number": VISA, "expiry": "01/20"}, "in the past"),
        ({"method": "pm_none"}, "This card is not saved any more."),
    ],
)
def test_what_is_missing_is_said(
    shop: Shop, invoice: stripe.Invoice, fields: dict[str, str], message: str
) -> None:
    page = press(invoice, **cast("Any", {"number": ""} | fields))

    assert message in page.text
    assert shop.client.v1.charges.list().data == []


def test_a_second_press_finds_it_paid(shop: Shop, invoice: stripe.Invoice) -> None:
    press(invoice, VISA)
    page = press(invoice, VISA)

    assert "This invoice is paid." in page.text
    assert len(shop.client.v1.charges.list().data) == 1


@pytest.mark.parametrize(("answer", "end"), [("complete", "paid"), ("fail", "open")])
def test_the_bank_may_ask(shop: Shop, invoice: stripe.Invoice, answer: str, end: str) -> None:
    asked = press(invoice, ASKS, follow=False)
    assert asked.status_code == 303
    bank = asked.headers["location"]
    assert "/authenticate/" in bank
    assert status(shop, invoice) == "open"

    page = httpx.post(bank, data={"answer": answer}, follow_redirects=True, trust_env=False)

    assert page.status_code == 200
    assert ("This invoice is paid." in page.text) == (end == "paid")
    assert status(shop, invoice) == end


def test_a_void_invoice_says_so(shop: Shop, invoice: stripe.Invoice) -> None:
    shop.client.v1.invoices.void_invoice(invoice.id)

    assert "This invoice was voided." in look(invoice).text
    press(invoice, VISA)
    assert shop.client.v1.charges.list().data == []


def test_a_draft_and_a_stranger_have_no_page(shop: Shop, invoice: stripe.Invoice) -> None:
    draft = shop.client.v1.invoices.create({"customer": shop.customer})
    assert invoice.hosted_invoice_url
    base = invoice.hosted_invoice_url.rpartition("/")[0]

    for token in (draft.id.removeprefix("in_"), "none"):
        for address in (f"{base}/{token}", f"{base}/{token}/pdf"):
            assert httpx.get(address, trust_env=False).status_code == 404


def test_the_pdf_is_one_and_says_the_amount(invoice: stripe.Invoice) -> None:
    assert invoice.invoice_pdf
    answer = httpx.get(invoice.invoice_pdf, trust_env=False)

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.4")
    assert answer.content.endswith(b"%%EOF\n")
    assert b"(Total: $12.50)" in answer.content
    start = re.search(rb"startxref\n(\d+)\n", answer.content)
    assert start
    assert answer.content[int(start[1]) :].startswith(b"xref\n0 6\n")
