"""Invoices by hand: drafts, what they show, how they are finalized and listed."""

from typing import Any, cast

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.shop import Shop

HOUR, DAY = 3600, 86_400


def test_a_draft_has_stripes_defaults(shop: Shop) -> None:
    made = shop.draft()

    assert made.id.startswith("in_")
    assert (made.status, made.auto_advance, made.billing_reason) == ("draft", False, "manual")
    assert (made.collection_method, made.due_date) == ("charge_automatically", None)
    assert (made.total, made.amount_due, made.amount_remaining) == (0, 0, 0)
    assert (made.number, made.hosted_invoice_url, made.invoice_pdf) == (None, None, None)
    assert made.customer_email == "a@acme.example"
    assert "payments" not in made.to_dict()
    assert shop.event_types("invoice.") == ["invoice.created"]


def test_finalizing_numbers_it_and_opens_its_page(shop: Shop) -> None:
    made = shop.draft(1000)

    final = shop.client.v1.invoices.finalize_invoice(made.id, {"expand": ["payments"]})

    assert (final.status, final.amount_due, final.amount_remaining) == ("open", 1000, 1000)
    assert final.number
    assert final.number.endswith("-0001")
    assert final.hosted_invoice_url
    assert final.invoice_pdf
    assert final.status_transitions.finalized_at == NOON
    assert final.payments
    (payment,) = final.payments.data
    assert (payment.status, payment.amount_requested, payment.is_default) == ("open", 1000, True)
    with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
        shop.client.v1.invoices.finalize_invoice(made.id)


def test_more_credit_than_charges_goes_to_the_balance(shop: Shop) -> None:
    shop.client.v1.invoices.finalize_invoice(shop.draft(-400).id)
    assert shop.client.v1.customers.retrieve(shop.customer).balance == -400

    final = shop.client.v1.invoices.finalize_invoice(shop.draft(1000).id)
    assert (final.total, final.starting_balance, final.amount_due) == (1000, -400, 600)
    assert shop.client.v1.customers.retrieve(shop.customer).balance == 0


def test_a_sent_invoice_needs_a_due_date(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.draft(collection_method="send_invoice")
    assert refusal.value.param == "days_until_due"

    made = shop.draft(1000, collection_method="send_invoice", days_until_due=30)
    sent = shop.client.v1.invoices.send_invoice(made.id)

    assert (sent.status, sent.due_date) == ("open", NOON + 30 * DAY)
    assert shop.event_types("invoice.sent") == ["invoice.sent"]


def test_an_invoice_that_is_charged_is_not_sent(shop: Shop) -> None:
    made = shop.draft(1000)

    with pytest.raises(stripe.InvalidRequestError, match="only manually send an invoice if"):
        shop.client.v1.invoices.send_invoice(made.id)
    assert shop.read(made).status == "draft"


def test_a_draft_that_advances_is_paid_after_an_hour(shop: Shop, control: Control) -> None:
    made = shop.draft(1000, auto_advance=True)
    assert made.automatically_finalizes_at == NOON + HOUR

    control("advance", seconds=HOUR - 1)
    assert shop.read(made).status == "draft"
    control("advance", seconds=1)
    assert shop.read(made).status == "paid"


def test_a_draft_that_stops_advancing_stays(shop: Shop, control: Control) -> None:
    made = shop.draft(1000, auto_advance=True)
    shop.client.v1.invoices.update(made.id, {"auto_advance": False})

    control("advance", seconds=2 * HOUR)

    found = shop.read(made)
    assert (found.status, found.automatically_finalizes_at) == ("draft", None)


def test_a_final_invoice_changes_only_in_what_is_no_part_of_it(shop: Shop) -> None:
    final = shop.client.v1.invoices.finalize_invoice(shop.draft(1000).id)

    changed = shop.client.v1.invoices.update(final.id, {"metadata": {"a": "1"}})
    assert changed.metadata
    assert changed.metadata.to_dict() == {"a": "1"}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.invoices.update(final.id, {"description": "x"})
    assert refusal.value.code == "invoice_not_editable"


def test_many_lines_are_read_page_by_page(shop: Shop) -> None:
    made = shop.draft(*range(1, 13))

    assert [line.amount for line in made.lines.data] == list(range(1, 11))
    assert made.lines.has_more is True
    pages = shop.client.v1.invoices.line_items.list(made.id, {"limit": 5}).auto_paging_iter()
    assert [line.amount for line in pages] == list(range(1, 13))


def test_invoices_are_listed_by_customer_status_and_time(shop: Shop, control: Control) -> None:
    first = shop.draft()
    control("advance", seconds=60)
    second = shop.client.v1.invoices.finalize_invoice(shop.draft(1000).id)

    def ids(**given: Any) -> list[str]:
        return [row.id for row in shop.client.v1.invoices.list(cast("Any", given)).data]

    assert ids() == [second.id, first.id]
    assert ids(status="open") == [second.id]
    assert ids(customer=shop.customer, status="draft") == [first.id]
    assert ids(created={"gt": NOON}) == [second.id]
    assert ids(customer="cus_none") == []


def test_tax_is_ten_per_cent_where_it_is_automatic(shop: Shop) -> None:
    made = shop.draft(1005, automatic_tax={"enabled": True})

    assert (made.subtotal, made.total, made.total_excluding_tax) == (1005, 1106, 1005)
    assert [tax.amount for tax in made.total_taxes or []] == [101]


def test_tax_wants_to_know_where_the_customer_is(shop: Shop, control: Control) -> None:
    """A subscription is refused; an invoice of one's own stays a draft; a subscription's goes out without tax."""
    taxed: Any = {"automatic_tax": {"enabled": True}}
    draft = shop.draft(500, **taxed)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(**taxed)
    assert refused.value.code == "customer_tax_location_invalid"
    with pytest.raises(stripe.InvalidRequestError, match="location isn't recognized"):
        shop.client.v1.invoices.finalize_invoice(draft.id)
    assert shop.read(draft).status == "draft"

    shop.client.v1.customers.update(shop.customer, {"address": {"country": "GB"}})
    subscription = shop.subscribe(**taxed)
    shop.client.v1.customers.update(shop.customer, {"address": ""})
    shop.use("100000")
    control("advance", to=NOON + HOUR)
    shop.client.v1.subscriptions.cancel(subscription.id, {"invoice_now": True})
    (invoice,) = shop.client.v1.invoices.list({"subscription": subscription.id}).data
    final = shop.client.v1.invoices.finalize_invoice(invoice.id)

    assert (final.status, final.total, final.total_excluding_tax) == ("open", 1000, 1000)
    assert final.automatic_tax.disabled_reason == "finalization_requires_location_inputs"
