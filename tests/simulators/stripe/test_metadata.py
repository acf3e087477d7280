"""Metadata has limits, and an empty value takes a key away."""

import pytest

from tests.simulators.stripe.till import Till, plain, refused


def test_keys_are_merged_and_unset(till: Till) -> None:
    customer = till.customer(metadata={"a": "1", "b": "2"})

    till.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert plain(till.v1.customers.retrieve(customer.id).metadata) == {"b": "2", "c": "3"}

    till.v1.customers.update(customer.id, {"metadata": ""})
    assert plain(till.v1.customers.retrieve(customer.id).metadata) == {}


@pytest.mark.parametrize(
    "metadata", [{"k" * 41: "x"}, {"k": "x" * 501}, {f"k{n}": "x" for n in range(51)}, {"a[b": "x"}]
)
def test_too_much_of_it_is_refused(till: Till, metadata: dict[str, str]) -> None:
    error = refused(till.v1.customers.create, {"metadata": metadata})

    assert error.http_status == 400
    assert till.v1.customers.list().data == []


def test_the_limits_themselves_fit(till: Till) -> None:
    metadata = {f"k{n:02d}".ljust(40, "k"): "x" * 500 for n in range(50)}

    assert plain(till.customer(metadata=metadata).metadata) == metadata
