"""What comes to /webhooks/stripe: only Stripe's own words, each kept once, handled later, and none lost."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_q.models import OrmQ

from accounts.models import AuditEntry, Organization
from billing import purchases, stripe_webhook
from billing.models import StripeEvent
from tests.billing import bought
from tests.stripe_account import SECRET, StripeAccount, send
from tests.world import money

ODD = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": "pi_nobody", "object": "payment_intent"}},
    }
)


def signed(body: str, secret: str = SECRET, *, age_seconds: int = 0) -> str:
    at = int(time.time()) - age_seconds
    mark = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={mark}"


def post(body: str, signature: str) -> Any:
    return Client().post(
        "/webhooks/stripe",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )


def test_a_signed_event_is_kept_once_and_queued_once(stripe_account: StripeAccount) -> None:
    for _ in range(3):
        assert post(ODD, signed(ODD)).status_code == 200

    event = StripeEvent.objects.get()
    assert (event.id, event.object_id, event.state) == ("evt_1", "pi_nobody", "pending")
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(
    "signature",
    ["", "nonsense", signed(ODD, "whsec_of_a_stranger"), signed(ODD + " "), "t=1,v1=\u00e9"],
    ids=["none", "nonsense", "of a stranger", "of another body", "other letters"],
)
def test_a_wrong_signature_leaves_nothing_behind(
    stripe_account: StripeAccount, signature: str
) -> None:
    answer = post(ODD, signature)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "Stripe-Signature"
    assert not StripeEvent.objects.exists()
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(("age_seconds", "status"), [(290, 200), (310, 400)])
def test_a_signature_is_good_for_five_minutes(
    stripe_account: StripeAccount, age_seconds: int, status: int
) -> None:
    assert post(ODD, signed(ODD, age_seconds=age_seconds)).status_code == status
    assert StripeEvent.objects.count() == (status == 200)


def test_while_a_secret_is_replaced_both_are_good(
    stripe_account: StripeAccount, settings: Any
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", SECRET]
    for secret in ("whsec_new", SECRET):
        assert post(ODD, signed(ODD, secret)).status_code == 200

    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new"]
    assert post(ODD, signed(ODD)).status_code == 400


def test_without_a_secret_there_is_nothing(stripe_account: StripeAccount, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = []

    assert post(ODD, signed(ODD, "")).status_code == 404
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", "null", '{"id": "evt_1", "type": "x"}', '{"id": 1, "data": 2}']
)
def test_what_is_signed_and_no_event_is_refused(stripe_account: StripeAccount, body: str) -> None:
    assert post(body, signed(body)).status_code == 400
    assert not StripeEvent.objects.exists()


def test_a_type_that_nobody_handles_is_answered_and_forgotten(
    stripe_account: StripeAccount,
) -> None:
    body = ODD.replace("payment_intent.succeeded", "radar.early_fraud_warning.created")

    assert post(body, signed(body)).status_code == 200
    assert not StripeEvent.objects.exists()
    assert not OrmQ.objects.exists()


def test_one_about_another_program_is_handled_by_doing_nothing(
    stripe_account: StripeAccount, run_queue: Callable[[], int]
) -> None:
    other = stripe_account.client.v1.payment_intents.create({"amount": 5_00, "currency": "usd"})
    body = ODD.replace("pi_nobody", other.id)
    post(body, signed(body))
    run_queue()

    event = StripeEvent.objects.get()
    assert (event.state, event.error, event.attempts_count) == ("handled", "", 0)


def test_poison_is_dead_after_six_attempts_and_can_be_run_again(
    stripe_account: StripeAccount, run_queue: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    post(ODD, signed(ODD))
    OrmQ.objects.all().delete()
    for attempt in range(1, 7):
        event = StripeEvent.objects.get()
        assert (event.state, event.attempts_count) == ("pending", attempt - 1)
        stripe_webhook.handle(event)
    event = StripeEvent.objects.get()
    assert (event.state, event.attempts_count) == ("dead", 6)
    assert event.error.startswith("StripeRefused: No such payment_intent")

    monkeypatch.setitem(stripe_webhook.HANDLERS, "payment_intent.", lambda event: None)
    stripe_webhook.run_again(event)
    stripe_webhook.run_again(event)
    assert AuditEntry.objects.get().action == "stripe_event.run_again"
    assert run_queue() == 1

    event = StripeEvent.objects.get()
    assert (event.state, event.error) == ("handled", "")


def test_stripe_being_away_is_no_failure_of_the_event(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    purchase = purchases.open_checkout(bought.begin(acme, 50_00))
    stripe_account.press(purchase.session_id)
    (delivery,) = (
        one for one in stripe_account.waiting() if one.event_type == "payment_intent.succeeded"
    )
    send(delivery)
    stripe_account.control("faults", status=503, times=10)
    for _ in range(8):
        stripe_webhook.handle(StripeEvent.objects.get())
    event = StripeEvent.objects.get()
    assert (event.state, event.attempts_count) == ("pending", 0)
    assert money(acme) == (25_000_000, 0)

    stripe_account.simulator.faults.clear()
    stripe_webhook.handle(event)

    event.refresh_from_db()
    assert event.state == "handled"
    assert money(acme) == (75_000_000, 0)
