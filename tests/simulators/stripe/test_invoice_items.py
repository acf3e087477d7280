"""Single charges and credits: on a draft, or waiting for the next invoice."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import stripe

from tests.simulators.stripe.shop import Shop


def test_pending_items_stay_away_unless_asked_for(shop: Shop) -> None:
    shop.add_item(500)
    without = shop.draft()
    with_them = shop.draft(pending_invoice_items_behavior="include")

    assert (without.total, with_them.total) == (0, 500)


def test_items_add_up_and_a_credit_takes_off(shop: Shop) -> None:
    made = shop.draft(1000, -300)

    assert [line.amount for line in made.lines.data] == [1000, -300]
    assert (made.subtotal, made.total, made.amount_due) == (700, 700, 700)


def test_an_item_of_a_price_is_rounded_once(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        cast(
            "Any", {"currency": "usd", "unit_amount_decimal": "0.5", "product": shop.price.product}
        )
    )
    made = shop.draft()
    item = shop.client.v1.invoice_items.create(
        {
            "customer": shop.customer,
            "invoice": made.id,
            "pricing": {"price": price.id},
            "quantity": 3,
        }
    )

    assert (item.amount, item.quantity, item.description) == (2, 3, "Video")
    assert shop.read(made).total == 2


def test_an_item_keeps_its_period_and_metadata(shop: Shop) -> None:
    made = shop.draft()
    shop.add_item(5, invoice=made.id, period={"start": 1, "end": 2}, metadata={"a": "1"})

    (line,) = shop.read(made).lines.data
    assert (line.period.start, line.period.end) == (1, 2)
    assert line.metadata.to_dict() == {"a": "1"}


def test_an_item_can_be_changed_and_removed_until_the_invoice_is_final(shop: Shop) -> None:
    made = shop.draft()
    first, second = shop.add_item(500, invoice=made.id), shop.add_item(70, invoice=made.id)

    shop.client.v1.invoice_items.update(first.id, {"amount": 600})
    assert shop.read(made).total == 670
    shop.client.v1.invoice_items.delete(second.id)
    assert shop.read(made).total == 600

    shop.client.v1.invoices.finalize_invoice(made.id)
    changes: list[Callable[[], object]] = [
        lambda: shop.client.v1.invoice_items.update(first.id, {"amount": 1}),
        lambda: shop.client.v1.invoice_items.delete(first.id),
        lambda: shop.add_item(5, invoice=made.id),
    ]
    for change in changes:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            change()
        assert refusal.value.code == "invoice_not_editable"
    assert shop.read(made).total == 600


def test_only_a_draft_is_deleted_and_its_items_wait_again(shop: Shop) -> None:
    made = shop.draft(1000)
    shop.client.v1.invoices.delete(made.id)

    with pytest.raises(stripe.InvalidRequestError, match="No such invoice"):
        shop.read(made)
    (item,) = shop.client.v1.invoice_items.list({"pending": True}).data
    assert (item.amount, item.invoice) == (1000, None)

    final = shop.client.v1.invoices.finalize_invoice(shop.draft(500).id)
    with pytest.raises(stripe.InvalidRequestError, match="only delete draft invoices"):
        shop.client.v1.invoices.delete(final.id)
