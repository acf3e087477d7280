"""A rotation gives the same key another secret; the one before works until its overlap is over."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts import api_keys, key_sightings
from accounts.api_keys import KeyIsOver, KeyIsRotating
from accounts.key_terms import Terms
from accounts.models import ApiKey, AuditEntry, Organization
from seedance_saas.errors import InvalidRequest
from tests.race import race
from tests.world import make_user

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def test_both_secrets_open_the_key_until_the_overlap_is_over(acme: Organization) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        key, old = api_keys.issue(acme, "server", Terms(scopes=("generations:read",)))
        rotated, new = api_keys.rotate(key, overlap_seconds=3600)

        assert rotated.pk == key.pk
        assert new != old
        assert rotated.scopes == ["generations:read"]
        assert (rotated.prefix, rotated.previous_prefix) == (new[:12], old[:12])
        assert api_keys.find(old) == api_keys.find(new) == key

        clock.shift(3599.999)
        assert api_keys.find(old) == key
        clock.shift(0.001)
        assert api_keys.find(old) is None
        assert api_keys.find(new) == key


def test_without_an_overlap_the_old_secret_is_dead_at_once(acme: Organization) -> None:
    key, old = api_keys.issue(acme, "server")

    _, new = api_keys.rotate(key, overlap_seconds=0)

    assert api_keys.find(old) is None
    assert api_keys.find(new) == key


@pytest.mark.parametrize("seconds", [-1, 604_801])
def test_an_overlap_is_a_week_at_most(acme: Organization, seconds: int) -> None:
    key, old = api_keys.issue(acme, "server")

    with pytest.raises(InvalidRequest) as refused:
        api_keys.rotate(key, overlap_seconds=seconds)

    assert refused.value.details == {"at_least": 0, "at_most": 604_800}
    assert api_keys.find(old) == key


def test_a_key_that_rotates_is_not_rotated_again(acme: Organization) -> None:
    key, old = api_keys.issue(acme, "server")
    rotated, new = api_keys.rotate(key, overlap_seconds=60)

    with pytest.raises(KeyIsRotating) as refused:
        api_keys.rotate(rotated, overlap_seconds=60)

    assert refused.value.details["prefix"] == new[:12]
    assert api_keys.find(old) == api_keys.find(new) == key
    assert AuditEntry.objects.filter(action="api_key.rotated").count() == 1


def test_it_may_be_rotated_again_once_the_old_secret_was_ended(acme: Organization) -> None:
    key, old = api_keys.issue(acme, "server")
    key, new = api_keys.rotate(key, overlap_seconds=3600)

    api_keys.end_overlap(key)
    api_keys.end_overlap(key)  # a repeat changes nothing

    assert api_keys.find(old) is None
    assert api_keys.find(new) == key
    _, newest = api_keys.rotate(key, overlap_seconds=0)
    assert api_keys.find(newest) == key
    assert AuditEntry.objects.filter(action="api_key.overlap_ended").count() == 1


def test_an_overlap_never_outlives_the_key(acme: Organization) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        key, old = api_keys.issue(acme, "server", Terms(expires_at=NOON + timedelta(minutes=1)))
        _, new = api_keys.rotate(key, overlap_seconds=3600)
        clock.shift(60)

        assert api_keys.find(old) is None
        assert api_keys.find(new) is None


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_what_is_over_is_not_rotated(acme: Organization, end: str) -> None:
    key, _ = api_keys.issue(acme, "server")
    if end == "revoked":
        api_keys.revoke(key)
    else:
        ApiKey.objects.filter(pk=key.pk).update(expires_at=key.created_at)

    with pytest.raises(KeyIsOver):
        api_keys.rotate(key, overlap_seconds=0)

    assert ApiKey.objects.get().secret_sha256 == key.secret_sha256
    assert not AuditEntry.objects.filter(action="api_key.rotated").exists()


def test_a_revocation_ends_both_secrets(acme: Organization) -> None:
    key, old = api_keys.issue(acme, "server")
    key, new = api_keys.rotate(key, overlap_seconds=3600)

    api_keys.revoke(key)

    assert api_keys.find(old) is None
    assert api_keys.find(new) is None


def test_a_rotation_is_audited_without_a_secret(acme: Organization) -> None:
    olivia = make_user()
    key, old = api_keys.issue(acme, "server")
    with time_machine.travel(NOON, tick=False):
        _, new = api_keys.rotate(key, overlap_seconds=60, by=olivia, address="203.0.113.7")

    entry = AuditEntry.objects.get(action="api_key.rotated")
    assert (entry.actor, entry.address) == (olivia, "203.0.113.7")
    assert entry.before == {"prefix": old[:12]}
    assert entry.after == {
        "prefix": new[:12],
        "previous_expires_at": "2026-03-01T12:01:00.000Z",
    }


def test_one_sees_whether_the_old_secret_is_still_used(acme: Organization) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        key, old = api_keys.issue(acme, "server")
        key, new = api_keys.rotate(key, overlap_seconds=3600)
        assert key_sightings.last_use_of_previous([key]) == {}
        api_keys.find(old, address="203.0.113.7")
        clock.shift(120)
        api_keys.find(new, address="203.0.113.7")

        assert key_sightings.last_use_of_previous([key]) == {key.pk: NOON}


@pytest.mark.django_db(transaction=True)
def test_of_rotations_at_once_one_counts(acme: Organization) -> None:
    for _ in range(5):
        key, old = api_keys.issue(acme, "server")

        outcomes = race(
            [
                lambda key=key: api_keys.rotate(  # type: ignore[misc]
                    ApiKey.objects.get(pk=key.pk), overlap_seconds=60
                )
                for _ in range(4)
            ]
        )

        won = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
        assert len(won) == 1
        assert sum(isinstance(outcome, KeyIsRotating) for outcome in outcomes) == 3
        assert api_keys.find(old) == api_keys.find(won[0][1]) == key
