"""A copy of the database signs nobody's webhooks and opens nobody's second factor; a new SECRET_KEY loses nothing."""

from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts import courier, deliveries, secrets_at_rest, webhook_endpoints, webhooks
from accounts.models import Delivery, DeliveryAttempt, Organization, WebhookSecret
from accounts.webhook_verification import verify
from tests.accounts.migrations import migration_named
from tests.accounts.signing_in import code_of, give_app, give_codes, is_signed_in, sign_in
from tests.receiver import URL, Receiver
from tests.world import make_user

OLD, NEW = "an old secret of at least 32 characters", "a new secret of at least 32 characters"


def everything_in(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} AS t")  # noqa: S608
        return str(cursor.fetchone()[0])


def test_the_table_of_webhook_secrets_shows_none(acme: Organization) -> None:
    endpoint, secret = webhook_endpoints.create(acme, url=URL)
    rotated, _ = webhook_endpoints.rotate_secret(acme, endpoint)

    rows = everything_in("accounts_webhooksecret")

    for shown in (secret, rotated):
        assert shown.removeprefix("whsec_") not in rows
    assert [one.secret for one in WebhookSecret.objects.order_by("id")] == [secret, rotated]


def test_a_session_that_waits_to_show_a_secret_does_not_hold_it(
    acme: Organization, client: Client
) -> None:
    client.force_login(acme.memberships.select_related("user").get().user)
    client.post("/webhook-endpoints/new", {"url": URL, "all_types": "on"})
    secret = WebhookSecret.objects.get().secret

    assert secret not in str(dict(client.session))
    page = client.get(f"/webhook-endpoints/{WebhookSecret.objects.get().endpoint_id}")
    assert secret in page.content.decode()
    page = client.get(f"/webhook-endpoints/{WebhookSecret.objects.get().endpoint_id}")
    assert secret not in page.content.decode()


def test_secrets_of_before_go_on_signing(acme: Organization) -> None:
    """What the migration does to a row that lay readable."""
    endpoint, _ = webhook_endpoints.create(acme, url=URL)
    old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    WebhookSecret.objects.update(sealed=old)
    migration = migration_named("sealed_webhook_secrets")

    migration.change_each(secrets_at_rest.encrypt)(apps, None)

    assert old not in everything_in("accounts_webhooksecret")
    assert endpoint.secrets.get().secret == old
    migration.change_each(secrets_at_rest.decrypt)(apps, None)
    assert WebhookSecret.objects.get().sealed == old


def test_a_new_secret_key_changes_no_signature(
    acme: Organization, receiver: Receiver, settings: Any
) -> None:
    settings.SECRET_KEY = OLD
    _, secret = webhook_endpoints.create(acme, url=URL)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    webhooks.publish(acme, "balance.low", {})

    courier.run()

    (request,) = receiver.got
    verify(request.content, request.headers, secret)


def test_what_was_sealed_anew_needs_the_old_key_no_more(
    acme: Organization, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    person = make_user()
    settings.SECRET_KEY = OLD
    _, secret = webhook_endpoints.create(acme, url=URL)
    app, codes = give_app(person), give_codes(person)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]

    call_command("reseal_secrets")
    call_command("reseal_secrets")

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "3 secrets were encrypted anew."
    assert said[1].startswith("Everything is encrypted with today's")
    settings.SECRET_KEY_FALLBACKS = []
    assert WebhookSecret.objects.get().secret == secret
    for code in (code_of(app), codes[0]):
        client = Client()
        sign_in(client, person)
        client.post("/accounts/2fa/authenticate/", {"code": code})
        assert is_signed_in(client)


def test_a_lost_key_is_said_and_holds_up_nobody_elses_webhooks(
    acme: Organization, rival: Organization, receiver: Receiver, settings: Any
) -> None:
    settings.SECRET_KEY = OLD
    webhook_endpoints.create(acme, url=URL)
    settings.SECRET_KEY = NEW
    webhook_endpoints.create(rival, url="https://rival.example/")
    for organization in (acme, rival):
        webhooks.publish(organization, "balance.low", {})

    assert courier.run() == 2

    assert receiver.hosts == ["rival.example"]
    assert deliveries.of(acme).get().state == Delivery.State.PENDING
    attempt = DeliveryAttempt.objects.get(delivery__organization=acme)
    assert attempt.error == "We failed to send it."
    with pytest.raises(CommandError, match="neither SECRET_KEY nor in SECRET_KEY_FALLBACKS"):
        call_command("reseal_secrets")
