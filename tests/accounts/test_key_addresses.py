"""A key opens from the networks of its list alone, and from where it was used is known."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from accounts import api_keys, key_sightings, key_terms
from accounts.key_terms import Terms
from accounts.models import ApiKey, KeySighting, Organization
from seedance_saas.errors import InvalidRequest
from tests.world import Api

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def ask(secret: str, address: str) -> tuple[int, dict[str, object]]:
    api = Api(secret)
    answer = api.client.get("/api/v1/balance", headers=api.headers, REMOTE_ADDR=address)
    return answer.status_code, answer.json().get("error", {})


@pytest.mark.parametrize(
    ("network", "address", "opens"),
    [
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("203.0.113.7/32", "203.0.113.7", True),
        ("203.0.113.7/32", "::ffff:203.0.113.7", True),
        ("2001:db8::/32", "2001:db8:ffff::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("2001:db8::/32", "203.0.113.7", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("203.0.113.0/24", "", False),
        ("fe80::/10", "fe80::1%eth0", True),
    ],
)
def test_a_key_opens_from_its_networks_alone(
    acme: Organization, network: str, address: str, opens: bool
) -> None:
    _, secret = api_keys.issue(acme, "server", Terms(allowed_addresses=(network,)))

    status, error = ask(secret, address)

    assert status == (200 if opens else 403)
    if not opens:
        assert error["code"] == "address_not_allowed"
        assert error["details"] == {"address": address or None}
        assert (address or "an unknown address") in str(error["message"])


@pytest.mark.parametrize("address", ["fe80::1%eth0", "::ffff:203.0.113.7", "", "unix:"])
def test_an_odd_address_opens_what_is_open_to_all(acme: Organization, address: str) -> None:
    _, secret = api_keys.issue(acme, "server")

    assert ask(secret, address)[0] == 200


def test_a_refused_address_is_no_use_and_is_noted_as_refused(acme: Organization) -> None:
    key, secret = api_keys.issue(acme, "server", Terms(allowed_addresses=("203.0.113.7/32",)))

    ask(secret, "198.51.100.9")

    key.refresh_from_db()
    assert (key.last_used_at, key.last_used_address) == (None, None)
    (place,) = key_sightings.places(key, limit=10)
    assert (place.address, place.was_refused) == ("198.51.100.9", True)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["203.0.113.7"], ("203.0.113.7/32",)),
        ([" 203.0.113.0/24 ", "203.0.113.0/24"], ("203.0.113.0/24",)),
        (["2001:DB8::/32"], ("2001:db8::/32",)),
        (["10.0.0.0/255.0.0.0"], ("10.0.0.0/8",)),
        ([], ()),
    ],
)
def test_networks_are_read_in_the_usual_ways(given: list[str], read: tuple[str, ...]) -> None:
    assert key_terms.read_addresses(given) == read


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("10.0.0.1/8", "10.0.0.1/8 is an address inside of a network: did you mean 10.0.0.0/8?"),
        ("example.com", "'example.com' is no address or network"),
        ("10", "'10' is no address or network"),
        ("", "'' is no address or network"),
        ("10.0.0.0/33", "'10.0.0.0/33' is no address or network"),
    ],
)
def test_what_is_no_network_is_named(given: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        key_terms.read_addresses(["203.0.113.7", given])

    assert words in refused.value.message
    assert refused.value.param == "allowed_addresses"


def test_more_than_fifty_networks_are_refused() -> None:
    fifty = [f"10.0.{number}.0/24" for number in range(50)]
    assert len(key_terms.read_addresses(fifty)) == 50

    with pytest.raises(InvalidRequest, match="at most 50"):
        key_terms.read_addresses([*fifty, "10.1.0.0/24"])


def test_each_address_is_noted_at_most_once_a_minute(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key, secret = api_keys.issue(acme, "server")

    def use(address: str, *, statements: int) -> None:
        with django_assert_num_queries(statements):
            assert api_keys.find(secret, address=address) == key

    with time_machine.travel(NOON, tick=False) as clock:
        use("203.0.113.7", statements=2)
        use("203.0.113.7", statements=1)
        use("198.51.100.9", statements=2)  # a thief beside a busy server is seen
        clock.shift(60)
        use("203.0.113.7", statements=1)
        clock.shift(1)
        use("203.0.113.7", statements=2)
        use("203.0.113.7", statements=1)

    key.refresh_from_db()
    assert (key.last_used_at, key.last_used_address) == (
        NOON + timedelta(seconds=61),
        "203.0.113.7",
    )
    assert [
        (one.address, one.first_seen_at, one.last_seen_at)
        for one in key.sightings.order_by("address")
    ] == [
        ("198.51.100.9", NOON, NOON),
        ("203.0.113.7", NOON, NOON + timedelta(seconds=61)),
    ]


def test_the_addresses_of_an_hour_are_bounded(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sightings, "ADDRESSES_PER_HOUR_MAX", 3)
    key, secret = api_keys.issue(acme, "server")

    with time_machine.travel(NOON, tick=False):
        for number in range(10):
            api_keys.find(secret, address=f"203.0.113.{number}")

    assert [one.address for one in key.sightings.order_by("address")] == [
        "203.0.113.0",
        "203.0.113.1",
        "203.0.113.2",
        KeySighting.MANY,
    ]


def test_what_was_seen_is_forgotten_after_ninety_days(acme: Organization) -> None:
    _, secret = api_keys.issue(acme, "server")
    with time_machine.travel(NOON, tick=False) as clock:
        api_keys.find(secret, address="203.0.113.7")
        clock.shift(timedelta(days=1))
        api_keys.find(secret, address="203.0.113.8")
        clock.shift(timedelta(days=89, hours=1))
        assert key_sightings.forget() == 1

    assert [one.address for one in KeySighting.objects.all()] == ["203.0.113.8"]
    assert ApiKey.objects.get().last_used_address == "203.0.113.8"
