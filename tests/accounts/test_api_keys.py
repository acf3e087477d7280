"""An API key opens one organization until it expires or is revoked; we keep only its hash."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import serializers
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import api_keys, organizations
from accounts.models import ApiKey, AuditEntry, Organization
from tests.world import Api, make_user

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def test_the_secret_is_shown_once_and_only_its_hash_is_kept(acme: Organization) -> None:
    key, secret = api_keys.issue(acme, "server")

    assert re.fullmatch(r"sd_live_[0-9a-f]{48}", secret)
    assert key.secret_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    stored = serializers.serialize("json", [*ApiKey.objects.all(), *AuditEntry.objects.all()])
    assert secret not in stored
    assert secret[12:] not in stored
    assert json.loads(stored)[0]["fields"]["prefix"] == secret[:12]


def test_a_sandbox_organizations_keys_say_so(db: None) -> None:
    sandbox = organizations.create("Sandbox", owner=make_user(), is_sandbox=True)

    key, secret = api_keys.issue(sandbox, "server")

    assert re.fullmatch(r"sd_test_[0-9a-f]{48}", secret)
    assert key.prefix == secret[:12]


def test_a_key_and_its_organization_are_found_in_one_read(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key, secret = api_keys.issue(acme, "server")
    api_keys.find(secret)  # notes the first use

    with django_assert_num_queries(1):
        found = api_keys.find(secret)
        assert found == key
        assert found.organization == acme


def test_the_last_use_is_written_at_most_once_a_minute(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key, secret = api_keys.issue(acme, "server")

    with time_machine.travel(NOON, tick=False) as clock:
        with django_assert_num_queries(2):
            api_keys.find(secret)
        clock.shift(60)
        with django_assert_num_queries(1):
            api_keys.find(secret)
        key.refresh_from_db()
        assert key.last_used_at == NOON

        clock.shift(0.001)
        with django_assert_num_queries(2):
            api_keys.find(secret)
        key.refresh_from_db()
        assert key.last_used_at == NOON + timedelta(seconds=60.001)


def test_a_revoked_key_opens_nothing_from_the_next_request_on(acme: Organization) -> None:
    key, secret = api_keys.issue(acme, "server")
    assert Api(secret).get("/balance").status_code == 200

    api_keys.revoke(key)

    response = Api(secret).get("/balance")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_opens_nothing_from_the_moment_it_expires(acme: Organization) -> None:
    key, secret = api_keys.issue(acme, "server")
    ApiKey.objects.filter(pk=key.pk).update(expires_at=NOON)

    with time_machine.travel(NOON, tick=False) as clock:
        assert api_keys.find(secret) is None
        clock.shift(-0.001)
        assert api_keys.find(secret) == key


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic {secret}",
        "{secret}",
        "Bearer {other}",
        "Bearer {secret}0",
        "Bearer {cut}",
        "Bearer {upper}",
        "Bearer {secret} {secret}",
        "Bearer sd_live_%00",
        "Bearer sd_live_é",
        "Bearer " + "a" * 100_000,
    ],
)
def test_what_is_not_a_living_key_is_refused(
    acme: Organization, api_for: Callable[[Organization], Api], authorization: str | None
) -> None:
    _, secret = api_keys.issue(acme, "server")
    api = api_for(acme)
    api.headers = {}
    if authorization is not None:
        api.headers["Authorization"] = authorization.format(
            secret=secret,
            other="sd_live_" + "0" * 48,
            cut=secret[:-1],
            upper=secret.upper(),
        )

    response = api.get("/balance")

    assert response.status_code == 401
    error = response.json()["error"]
    assert error["code"] == "unauthenticated"
    assert secret not in error["message"]
    assert ApiKey.objects.get(name="server").last_used_at is None


def test_a_malformed_key_is_refused_without_asking_the_database(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert api_keys.find("sd_live_nonsense") is None


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(acme: Organization, scheme: str) -> None:
    _, secret = api_keys.issue(acme, "server")
    api = Api(secret)
    api.headers = {"Authorization": f"{scheme} {secret}"}

    assert api.get("/balance").status_code == 200


def test_issuing_and_revoking_are_audited_with_actor_and_address(acme: Organization) -> None:
    olivia = make_user()
    key, _ = api_keys.issue(acme, "server", by=olivia, address="203.0.113.7")
    api_keys.revoke(key, by=olivia, address="2001:db8::7")
    api_keys.revoke(key, by=olivia)  # a repeat is no change

    entries = AuditEntry.objects.filter(target=key.id).order_by("id")
    assert [
        (entry.action, entry.organization, entry.actor, entry.address, entry.before, entry.after)
        for entry in entries
    ] == [
        (
            "api_key.issued",
            acme,
            olivia,
            "203.0.113.7",
            {},
            {"prefix": key.prefix},
        ),
        ("api_key.revoked", acme, olivia, "2001:db8::7", {}, {}),
    ]


def test_a_second_revocation_keeps_the_moment_of_the_first(acme: Organization) -> None:
    key, _ = api_keys.issue(acme, "server")
    api_keys.revoke(key)
    first = ApiKey.objects.get().revoked_at
    assert first
    assert timezone.now() - first < timedelta(minutes=1)

    api_keys.revoke(key)

    assert ApiKey.objects.get().revoked_at == first
