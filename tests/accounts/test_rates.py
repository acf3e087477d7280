"""A key asks so many times a minute, by all processes together, and is told what is left."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from accounts import api_keys
from accounts.models import KeyRate, Organization
from billing.models import Transfer
from tests.race import race
from tests.world import Api, money


def program(organization: Organization) -> Api:
    """With a key that nobody has used yet."""
    return Api(api_keys.issue(organization, "test")[1])


@pytest.fixture
def api(acme: Organization) -> Api:
    return program(acme)


@pytest.fixture
def few(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 5


def left(answer: Any) -> tuple[str, str, str]:
    return tuple(answer.headers[f"RateLimit-{what}"] for what in ("Limit", "Remaining", "Policy"))


@pytest.mark.usefixtures("few")
def test_each_answer_tells_what_is_left(api: Api) -> None:
    answers = [api.get("/balance") for _ in range(3)]

    assert [left(one) for one in answers] == [
        ("5", remaining, "5;w=60") for remaining in ("4", "3", "2")
    ]
    assert all(0 < int(one.headers["RateLimit-Reset"]) <= 60 for one in answers)


@pytest.mark.usefixtures("few")
def test_one_too_many_does_nothing_and_says_when_to_come_again(
    acme: Organization, api: Api
) -> None:
    for _ in range(5):
        assert api.get("/balance").status_code == 200
    before = (money(acme), Transfer.objects.count())

    answer = api.post("/generations", {"model": "x"}, key="k1")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["retryable"]) == (429, "rate_limited", True)
    assert error["details"]["limit"] == 5
    assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
    assert left(answer)[1] == "0"
    assert (money(acme), Transfer.objects.count()) == before


@pytest.mark.usefixtures("few")
def test_a_minute_later_there_are_as_many_again(api: Api) -> None:
    for _ in range(6):
        last = api.get("/balance")
    assert last.status_code == 429

    KeyRate.objects.update(began_at=Now() - timedelta(seconds=61))

    answer = api.get("/balance")
    assert (answer.status_code, left(answer)[1]) == (200, "4")


@pytest.mark.usefixtures("few")
def test_another_key_has_its_own(acme: Organization, rival: Organization) -> None:
    ours, theirs, second = program(acme), program(rival), program(acme)
    for _ in range(6):
        ours.get("/balance")

    assert ours.get("/balance").status_code == 429
    assert left(theirs.get("/balance"))[1] == "4"
    assert left(second.get("/balance"))[1] == "4"


def test_a_refusal_tells_it_too_and_no_key_tells_nothing(api: Api, client: Any) -> None:
    assert "RateLimit-Remaining" in api.get("/generations/gen_nothing").headers
    assert "RateLimit-Remaining" in api.post("/generations", {}).headers
    assert "RateLimit-Remaining" not in client.get("/api/v1/balance").headers


def test_it_costs_no_statement_of_its_own(api: Api) -> None:
    api.get("/balance")
    with CaptureQueriesContext(connection) as queries:
        api.get("/balance")

    counting = [one["sql"] for one in queries if "accounts_count_request" in one["sql"]]
    assert len(counting) == 1
    assert 'FROM "accounts_apikey"' in counting[0]


@pytest.mark.django_db(transaction=True)
def test_those_who_ask_at_once_are_each_counted(acme: Organization) -> None:
    _, secret = api_keys.issue(acme, "busy")

    found = race([lambda: api_keys.find(secret) for _ in range(40)], threads=8)

    assert sorted(one.asked[0] for one in found) == list(range(1, 41))  # type: ignore[union-attr]
    assert KeyRate.objects.get().used == 40
