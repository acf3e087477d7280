"""Subscriptions with a metered price: what is refused, their periods, and how they end."""

from datetime import UTC, datetime

import pytest
import stripe

from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.shop import Shop

DAY = 86_400


def date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def period(subscription: stripe.Subscription) -> tuple[str, str]:
    item = subscription["items"].data[0]
    return date(item.current_period_start), date(item.current_period_end)


def test_a_subscription_begins_without_an_invoice(shop: Shop) -> None:
    made = shop.subscribe(metadata={"organization": "7"})

    assert made.status == "active"
    assert made.latest_invoice is None
    assert made.billing_mode.type == "flexible"
    assert made.metadata.to_dict() == {"organization": "7"}
    assert period(made) == ("2026-11-01 12:00:00", "2026-12-01 12:00:00")
    assert "current_period_end" not in made.to_dict()
    (item,) = made["items"].data
    assert item.price.id == shop.price.id
    assert item.id.startswith("si_")
    assert shop.client.v1.invoices.list().data == []
    assert shop.client.v1.subscriptions.retrieve(made.id) == made


@pytest.mark.parametrize(
    ("changes", "param", "message"),
    [
        ({"items": []}, "items", "Missing required param: items."),
        ({"items": [{"price": "price_none"}]}, "items[0][price]", "No such price: 'price_none'"),
        ({"customer": "cus_none"}, "customer", "No such customer: 'cus_none'"),
        ({"collection_method": "send_invoice"}, "days_until_due", "must also set `days_until_due`"),
        ({"days_until_due": 30}, "days_until_due", "only set `days_until_due` if"),
        ({"billing_cycle_anchor": NOON - 1}, "billing_cycle_anchor", "in the future"),
        ({"billing_cycle_anchor": NOON + 31 * DAY}, "billing_cycle_anchor", "cannot be later than"),
        ({"billing_cycle_anchor_config": {"day_of_month": 32}},
         "billing_cycle_anchor_config[day_of_month]", "between 1 and 31"),
        ({"default_payment_method": "pm_none"}, "default_payment_method", "No such PaymentMethod"),
        ({"trial_period_days": 5}, "trial_period_days", "not played here"),
        ({"payment_behavior": "perhaps"}, "payment_behavior", "must be one of"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    shop: Shop, changes: dict[str, object], param: str, message: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.subscribe(**changes)

    assert refusal.value.param == param
    assert message in str(refusal.value)
    assert shop.client.v1.subscriptions.list({"status": "all"}).data == []


def test_a_metered_item_takes_no_quantity(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Remove quantity from `items\\[0\\]`"):
        shop.subscribe(items=[{"price": shop.price.id, "quantity": 1}])


def test_a_price_must_be_active(shop: Shop) -> None:
    shop.client.v1.prices.update(shop.price.id, {"active": False})

    with pytest.raises(stripe.InvalidRequestError, match="only accepts active prices"):
        shop.subscribe()


def test_the_anchor_can_be_a_time(shop: Shop, control: Control) -> None:
    made = shop.subscribe(billing_cycle_anchor=NOON + 10 * DAY, proration_behavior="none")
    assert period(made) == ("2026-11-01 12:00:00", "2026-11-11 12:00:00")

    control("advance", to=NOON + 11 * DAY)
    made = shop.client.v1.subscriptions.retrieve(made.id)
    assert period(made) == ("2026-11-11 12:00:00", "2026-12-11 12:00:00")


def test_the_anchor_can_be_a_day_of_the_month(shop: Shop, control: Control) -> None:
    made = shop.subscribe(
        billing_cycle_anchor_config={"day_of_month": 31, "hour": 0, "minute": 0, "second": 0}
    )
    ends = [period(made)[1]]
    for _ in range(4):
        control("advance", to=made["items"].data[0].current_period_end)
        made = shop.client.v1.subscriptions.retrieve(made.id)
        ends.append(period(made)[1])

    assert [end[:10] for end in ends] == [
        "2026-11-30",
        "2026-12-31",
        "2027-01-31",
        "2027-02-28",
        "2027-03-31",
    ]


def test_canceled_ones_are_listed_only_when_asked_for(shop: Shop) -> None:
    first, second = shop.subscribe(), shop.subscribe()
    shop.client.v1.subscriptions.cancel(first.id)

    def ids(**given: str) -> list[str]:
        given["customer"] = shop.customer
        return [found.id for found in shop.client.v1.subscriptions.list(given).data]  # type: ignore[arg-type]

    assert ids() == [second.id]
    assert ids(status="all") == [second.id, first.id]
    assert ids(status="canceled") == ids(status="ended") == [first.id]
    assert ids(status="past_due") == []


def test_a_canceled_subscription_bills_no_more(shop: Shop, control: Control) -> None:
    made = shop.subscribe()
    shop.use("500")

    canceled = shop.client.v1.subscriptions.cancel(made.id)

    assert (canceled.status, canceled.ended_at) == ("canceled", NOON)
    assert canceled.cancellation_details
    assert canceled.cancellation_details.reason == "cancellation_requested"
    control("advance", seconds=40 * DAY)
    assert shop.client.v1.invoices.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        shop.client.v1.subscriptions.cancel(made.id)
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription"):
        shop.client.v1.subscriptions.update(made.id, {"description": "x"})


def test_invoice_now_bills_what_was_used_until_the_cancel(shop: Shop, control: Control) -> None:
    made = shop.subscribe()
    shop.use("500", at=NOON - 60)
    shop.use("700", at=NOON)
    control("advance", seconds=60)

    canceled = shop.client.v1.subscriptions.cancel(made.id, {"invoice_now": True})

    (invoice,) = shop.client.v1.invoices.list({"subscription": made.id}).data
    assert invoice.id == canceled.latest_invoice
    assert (invoice.total, invoice.status) == (7, "draft")
    control("advance", seconds=3600)
    assert shop.client.v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_cancel_at_the_periods_end_bills_the_period(shop: Shop, control: Control) -> None:
    made = shop.subscribe()
    shop.use("100000")

    told = shop.client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert told.status == "active"
    assert told.cancel_at == made["items"].data[0].current_period_end

    control("advance", seconds=31 * DAY)
    ended = shop.client.v1.subscriptions.retrieve(made.id)
    assert ended.status == "canceled"
    (invoice,) = shop.client.v1.invoices.list().data
    assert (invoice.total, invoice.status) == (1000, "paid")


def test_a_cancel_can_be_taken_back(shop: Shop, control: Control) -> None:
    made = shop.subscribe()
    shop.client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    shop.client.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})

    control("advance", seconds=31 * DAY)
    found = shop.client.v1.subscriptions.retrieve(made.id)
    assert (found.status, found.cancel_at) == ("active", None)


def test_a_day_to_cancel_at_ends_it_that_day(shop: Shop, control: Control) -> None:
    made = shop.subscribe()
    shop.client.v1.subscriptions.update(made.id, {"cancel_at": NOON + 5 * DAY})

    control("advance", seconds=5 * DAY - 1)
    assert shop.client.v1.subscriptions.retrieve(made.id).status == "active"
    control("advance", seconds=1)
    ended = shop.client.v1.subscriptions.retrieve(made.id)
    assert (ended.status, ended.ended_at) == ("canceled", NOON + 5 * DAY)


def test_a_deleted_customer_has_no_subscription(shop: Shop, control: Control) -> None:
    made = shop.subscribe()
    shop.use("100000")
    shop.client.v1.customers.delete(shop.customer)

    assert shop.client.v1.subscriptions.retrieve(made.id).status == "canceled"
    control("advance", seconds=40 * DAY)
    assert shop.client.v1.invoices.list().data == []


def test_its_life_is_told_by_events(shop: Shop, control: Control) -> None:
    made = shop.subscribe()
    shop.client.v1.subscriptions.update(made.id, {"metadata": {"a": "1"}})
    shop.client.v1.subscriptions.cancel(made.id)

    assert shop.event_types("customer.subscription.") == [
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
    ]
    (changed,) = shop.client.v1.events.list({"type": "customer.subscription.updated"}).data
    assert changed.data.to_dict()["previous_attributes"] == {"metadata": {"a": None}}
