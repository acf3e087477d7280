"""A key gives another one no more than it has itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import api_keys, key_changes, key_terms
from accounts.key_terms import Terms, WiderThanOwn
from accounts.models import ApiKey, AuditEntry, Organization

LATER = datetime(2126, 1, 1, tzinfo=UTC)
OWN = Terms(
    scopes=("generations:read", "keys:write"),
    allowed_models=("a", "b"),
    allowed_resolutions=("480p",),
    allowed_addresses=("203.0.113.0/24", "2001:db8::/32"),
    concurrent_max=3,
    expires_at=LATER,
)


@pytest.mark.parametrize(
    ("field", "wider"),
    [
        ("scopes", ()),
        ("scopes", ("generations:read", "generations:write")),
        ("allowed_models", ()),
        ("allowed_models", ("a", "c")),
        ("allowed_resolutions", ()),
        ("allowed_resolutions", ("480p", "720p")),
        ("allowed_addresses", ()),
        ("allowed_addresses", ("203.0.112.0/23",)),
        ("allowed_addresses", ("203.0.113.7/32", "198.51.100.9/32")),
        ("allowed_addresses", ("::/0",)),
        ("concurrent_max", None),
        ("concurrent_max", 4),
        ("expires_at", None),
        ("expires_at", LATER + timedelta(seconds=1)),
    ],
)
def test_a_key_makes_none_that_is_wider(acme: Organization, field: str, wider: Any) -> None:
    own, _ = api_keys.issue(acme, "own", OWN)
    terms = replace(OWN, **{field: wider})

    with pytest.raises(WiderThanOwn) as refused:
        api_keys.issue(acme, "wider", terms, by_key=own)

    assert refused.value.param == field
    assert ApiKey.objects.count() == 1

    other, secret = api_keys.issue(acme, "other", terms)  # by a person
    with pytest.raises(WiderThanOwn):
        api_keys.rotate(other, overlap_seconds=60, by_key=own)
    assert api_keys.find(secret) == other


@pytest.mark.parametrize(
    "narrower",
    [
        OWN,
        replace(OWN, scopes=("generations:read",), allowed_models=("b",), concurrent_max=1),
        replace(OWN, allowed_addresses=("203.0.113.7/32", "2001:db8:1::/48")),
        replace(OWN, expires_at=LATER - timedelta(days=1)),
    ],
)
def test_a_key_makes_one_that_is_as_narrow(acme: Organization, narrower: Terms) -> None:
    own, _ = api_keys.issue(acme, "own", OWN)

    made, _ = api_keys.issue(acme, "narrow", narrower, by_key=own, address="203.0.113.7")

    made.refresh_from_db()
    assert key_terms.of(made) == narrower
    entry = AuditEntry.objects.get(target=made.id)
    assert (entry.api_key, entry.actor, entry.address) == (own, None, "203.0.113.7")


def test_a_key_may_rotate_itself(acme: Organization) -> None:
    own, _ = api_keys.issue(acme, "own", OWN)

    _, secret = api_keys.rotate(own, overlap_seconds=0, by_key=own)

    assert api_keys.find(secret) == own


def test_what_has_changed_is_audited_and_nothing_else(acme: Organization) -> None:
    key, _ = api_keys.issue(acme, "own", OWN)
    terms = replace(OWN, scopes=("generations:read",), concurrent_max=None)

    key_changes.change(key, name="own", terms=vars(terms))
    key_changes.change(key, name="own", terms=vars(terms))  # a repeat changes nothing

    entry = AuditEntry.objects.get(action="api_key.changed")
    assert entry.before == {"scopes": ["generations:read", "keys:write"], "concurrent_max": 3}
    assert entry.after == {"scopes": ["generations:read"], "concurrent_max": None}
    key.refresh_from_db()
    assert key_terms.of(key) == terms


def test_what_is_over_is_not_changed(acme: Organization) -> None:
    key, _ = api_keys.issue(acme, "own", OWN)
    api_keys.revoke(key)

    with pytest.raises(api_keys.KeyIsOver):
        key_changes.change(key, name="another name", terms=vars(Terms()))

    key.refresh_from_db()
    assert (key.name, key_terms.of(key)) == ("own", OWN)
