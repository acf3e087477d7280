"""Lists come newest first and page by page; `expand` turns ids into objects."""

import functools

import pytest

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.stripe.conftest import NOON
from tests.simulators.stripe.till import Till, refused


@pytest.fixture
def twelve(till: Till) -> list[str]:
    """Twelve customers' ids, the newest first."""
    return [till.customer(name=str(number)).id for number in range(12)][::-1]


def test_ten_come_at_once(till: Till, twelve: list[str]) -> None:
    page = till.v1.customers.list()

    assert [one.id for one in page.data] == twelve[:10]
    assert page.has_more
    assert page.url == "/v1/customers"


def test_pages_meet_without_a_gap(till: Till, twelve: list[str]) -> None:
    found = till.v1.customers.list({"limit": 5}).auto_paging_iter()

    assert [one.id for one in found] == twelve


def test_a_page_before_is_next_to_its_cursor(till: Till, twelve: list[str]) -> None:
    page = till.v1.customers.list({"limit": 3, "ending_before": twelve[5]})

    assert [one.id for one in page.data] == twelve[2:5]
    assert page.has_more


def test_a_limit_beyond_a_hundred_is_refused(till: Till) -> None:
    assert getattr(refused(till.v1.customers.list, {"limit": 101}), "param", None) == "limit"


def test_a_cursor_that_does_not_exist_is_refused(till: Till) -> None:
    error = refused(till.v1.customers.list, {"starting_after": "cus_none"})

    assert getattr(error, "param", None) == "starting_after"


def test_created_bounds_a_list(till: Till, simulator: SimulatorThread) -> None:
    made = []
    for number in range(3):
        simulator.config.clock = functools.partial(float, NOON + number * 60)
        made.append(till.customer().id)

    page = till.v1.customers.list({"created": {"gte": NOON + 60, "lt": NOON + 120}})

    assert [one.id for one in page.data] == [made[1]]


def test_ids_expand_deeply(till: Till) -> None:
    till.charge(expand=["latest_charge"])

    page = till.v1.payment_intents.list(
        {"expand": ["data.latest_charge.balance_transaction", "data.customer"]}
    )

    charge = page.data[0].latest_charge
    assert charge is not None
    assert not isinstance(charge, str)
    assert charge.balance_transaction is not None
    assert not isinstance(charge.balance_transaction, str)
    assert charge.balance_transaction.net == 1000 - 59


def test_what_cannot_be_expanded_is_refused(till: Till) -> None:
    customer = till.customer()

    error = refused(till.v1.customers.retrieve, customer.id, {"expand": ["colour"]})

    assert "This property cannot be expanded (colour)" in str(error)
