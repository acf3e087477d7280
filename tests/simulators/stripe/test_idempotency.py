"""A repeated key gives the first answer again."""

import threading

import httpx
import stripe

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.stripe.conftest import NOON, Control
from tests.simulators.stripe.till import refused


def headers(answer: stripe.StripeObject) -> dict[str, str]:
    response = answer.last_response
    assert response is not None
    return {name.lower(): value for name, value in response.headers.items()}


def test_the_same_request_gives_the_first_answer_again(client: stripe.StripeClient) -> None:
    first = client.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})
    again = client.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})

    assert again.id == first.id
    assert headers(again)["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in headers(first)
    assert headers(again)["original-request"] == headers(first)["request-id"]
    assert len(client.v1.customers.list().data) == 1


def test_other_parameters_under_the_same_key_are_refused(client: stripe.StripeClient) -> None:
    client.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})

    error = refused(client.v1.customers.create, {"email": "c@d.co"}, {"idempotency_key": "k1"})

    assert isinstance(error, stripe.IdempotencyError)
    assert error.http_status == 400
    assert len(client.v1.customers.list().data) == 1


def test_the_same_key_at_another_address_is_refused(client: stripe.StripeClient) -> None:
    client.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})

    error = refused(client.v1.products.create, {"name": "Credits"}, {"idempotency_key": "k1"})

    assert isinstance(error, stripe.IdempotencyError)
    assert client.v1.products.list().data == []


def test_a_decline_is_kept(client: stripe.StripeClient) -> None:
    params: stripe.params.PaymentIntentCreateParams = {
        "amount": 1000,
        "currency": "usd",
        "payment_method": "pm_card_chargeDeclined",
        "confirm": True,
        "off_session": True,
    }
    first = refused(client.v1.payment_intents.create, params, {"idempotency_key": "k1"})
    again = refused(client.v1.payment_intents.create, params, {"idempotency_key": "k1"})

    assert again.http_status == first.http_status == 402
    assert (again.headers or {})["Idempotent-Replayed"] == "true"
    assert len(client.v1.payment_intents.list().data) == 1


def test_a_wrong_parameter_is_not_kept(client: stripe.StripeClient) -> None:
    error = refused(client.v1.customers.create, {"colour": "red"}, {"idempotency_key": "k1"})
    made = client.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})

    assert error.http_status == 400
    assert "idempotent-replayed" not in headers(made)


def test_a_key_is_forgotten_after_a_day(
    client: stripe.StripeClient, simulator: SimulatorThread, noon: int
) -> None:
    first = client.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})
    simulator.config.clock = lambda: float(NOON + 24 * 3600)
    later = client.v1.customers.create({"email": "a@b.co"}, {"idempotency_key": "k1"})

    assert later.id != first.id


def test_a_key_in_use_is_a_conflict(simulator: SimulatorThread, control: Control) -> None:
    control("faults", delay_ms=1000)
    answers: list[int] = []

    def create() -> None:
        answer = httpx.post(
            f"{simulator.url}/stripe/v1/customers",
            headers={"Authorization": "Bearer sk_test_1", "Idempotency-Key": "k1"},
            trust_env=False,
        )
        answers.append(answer.status_code)
        if answer.status_code == 409:
            assert answer.json()["error"]["code"] == "idempotency_key_in_use"

    both = [threading.Thread(target=create) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert answers == [409, 200]
