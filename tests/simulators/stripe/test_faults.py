"""What can be made to go wrong with calls."""

import stripe

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.till import Till, refused


def test_a_limit_is_said_once_and_nothing_is_done(till: Till, control: Control) -> None:
    control("faults", status=429)

    error = refused(till.v1.customers.create, {"email": "a@b.co"})

    assert isinstance(error, stripe.RateLimitError)
    assert error.error is not None
    assert error.error.code == "rate_limit"
    assert till.v1.customers.list().data == []


def test_a_lock_timeout_asks_for_another_try(till: Till, control: Control) -> None:
    control("faults", status=429, code="lock_timeout")

    error = refused(till.v1.customers.create, {"email": "a@b.co"})

    assert (error.headers or {})["Stripe-Should-Retry"] == "true"


def test_an_error_500_stays_under_its_key(till: Till, control: Control) -> None:
    control("faults", status=500)
    for _ in range(2):
        error = refused(till.v1.customers.create, {"email": "a@b.co"}, {"idempotency_key": "k1"})
        assert error.http_status == 500

    assert till.v1.customers.list().data == []


def test_an_error_503_does_not(till: Till, control: Control) -> None:
    control("faults", status=503)
    refused(till.v1.customers.create, {"email": "a@b.co"}, {"idempotency_key": "k1"})

    assert till.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"}).id


def test_a_connection_dropped_before_the_work_did_nothing(till: Till, control: Control) -> None:
    control("faults", drop=True, path="/v1/customers*", method="POST")

    error = refused(till.v1.customers.create, {"email": "a@b.co"})

    assert isinstance(error, stripe.APIConnectionError)
    assert till.v1.customers.list().data == []


def test_a_connection_dropped_after_the_work_did_it_once(till: Till, control: Control) -> None:
    control("faults", drop=True, after=True)

    error = refused(till.v1.customers.create, {"email": "a@b.co"}, {"idempotency_key": "k1"})
    again = till.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})

    assert isinstance(error, stripe.APIConnectionError)
    assert [one.id for one in till.v1.customers.list().data] == [again.id]


def test_a_fault_hits_what_it_names_as_often_as_it_says(till: Till, control: Control) -> None:
    control("faults", calls=[{"status": 503, "method": "GET", "path": "/v1/pro*", "times": 2}])

    customer = till.customer()
    for _ in range(2):
        assert refused(till.v1.products.list).http_status == 503

    assert till.v1.customers.retrieve(customer.id).id == customer.id
    assert till.v1.products.list().data == []
    assert control("faults")["calls"] == []


def test_a_misspelt_fault_is_refused(till: Till) -> None:
    answer = till.web.post("/control/faults", json={"statsu": 500})

    assert answer.status_code == 400
    assert "statsu" in answer.json()["error"]["message"]


def test_an_ill_typed_fault_is_refused(till: Till) -> None:
    for body in ({"times": "3", "status": 500}, {"webhooks": {"shuffle": "yes"}}):
        assert till.web.post("/control/faults", json=body).status_code == 400

    assert till.web.get("/control/faults").json()["calls"] == []


def test_what_can_be_controlled_is_listed(till: Till) -> None:
    rows = till.web.get("/control").json()["addresses"]

    assert "/control/clock" in {row["path"] for row in rows}
    assert all(row["meaning"] for row in rows)
