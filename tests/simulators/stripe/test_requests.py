"""What every address of the simulated Stripe has in common: keys, ids, errors."""

import httpx
import stripe

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.stripe.conftest import client_of
from tests.simulators.stripe.till import refused


def test_any_test_key_is_let_in(simulator: SimulatorThread) -> None:
    account = client_of(simulator, "sk_test_another").v1.accounts.retrieve_current()

    assert account.charges_enabled


def test_another_key_is_not(simulator: SimulatorThread) -> None:
    error = refused(client_of(simulator, "sk_live_abcdefghijklmnop").v1.customers.list)

    assert isinstance(error, stripe.AuthenticationError)
    assert error.http_status == 401
    assert "Invalid API Key provided: sk_live_" in str(error)
    assert "abcdefgh" not in str(error)


def test_no_key_is_not(simulator: SimulatorThread) -> None:
    answer = httpx.get(f"{simulator.url}/stripe/v1/customers", trust_env=False)

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_every_answer_has_an_id_and_a_version(simulator: SimulatorThread) -> None:
    for path in ("/v1/customers", "/v1/customers/cus_none", "/v1/nothing"):
        answer = httpx.get(
            f"{simulator.url}/stripe{path}", headers={"Authorization": "Bearer sk_test_1"}
        )

        assert answer.headers["request-id"].startswith("req_")
        assert answer.headers["stripe-version"] == "2026-10-28.endive"


def test_an_unknown_id_is_404_in_the_address_and_400_in_a_parameter(
    client: stripe.StripeClient,
) -> None:
    in_address = refused(client.v1.customers.retrieve, "cus_none")
    in_parameter = refused(
        client.v1.payment_methods.attach, "pm_card_visa", {"customer": "cus_none"}
    )

    assert in_address.http_status == 404
    assert in_parameter.http_status == 400
    assert in_address.code == in_parameter.code == "resource_missing"
    assert getattr(in_address, "param", None) == "id"
    assert getattr(in_parameter, "param", None) == "customer"
    assert "No such customer: 'cus_none'" in str(in_parameter)


def test_what_is_not_played_is_an_unrecognized_url(client: stripe.StripeClient) -> None:
    error = refused(client.v1.payouts.list)

    assert error.http_status == 404
    assert "Unrecognized request URL (GET: /v1/payouts)" in str(error)


def test_an_unknown_parameter_is_named(client: stripe.StripeClient) -> None:
    error = refused(client.v1.customers.create, {"invoice_settings": {"colour": "red"}})

    assert error.code == "parameter_unknown"
    assert getattr(error, "param", None) == "invoice_settings[colour]"
    assert client.v1.customers.list().data == []


def test_the_first_version_takes_no_json(simulator: SimulatorThread) -> None:
    answer = httpx.post(
        f"{simulator.url}/stripe/v1/customers",
        json={"name": "Acme"},
        headers={"Authorization": "Bearer sk_test_1"},
        trust_env=False,
    )

    assert answer.status_code == 400
    assert "application/x-www-form-urlencoded" in answer.json()["error"]["message"]
    assert client_of(simulator).v1.customers.list().data == []
