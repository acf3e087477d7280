"""An organization's programs may ask so often in a minute, and are told; others are not held up by them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine

from accounts import rate_limits
from accounts.models import Organization
from tests.world import Api, money

MakeApi = Callable[[Organization], Api]
AT = datetime.fromisoformat("2026-06-17T14:32:20Z")
BODY = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": "a kite",
    "resolution": "480p",
    "duration": 4,
}


@pytest.fixture(autouse=True)
def three_a_minute(settings: Any) -> Iterator[None]:
    settings.API_REQUESTS_PER_MINUTE = 3
    rate_limits._counts.clear()
    with time_machine.travel(AT, tick=False):
        yield


def test_each_answer_says_what_is_left(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)

    answers = [api.get("/balance"), api.get("/generations/none"), api.post("/generations", {})]

    assert [answer.status_code for answer in answers] == [200, 404, 400]
    assert [answer["RateLimit-Limit"] for answer in answers] == ["3", "3", "3"]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0"]
    assert [answer["RateLimit-Reset"] for answer in answers] == ["40", "40", "40"]


def test_one_more_is_refused_does_nothing_and_says_when_to_try_again(
    acme: Organization, api_for: MakeApi
) -> None:
    api = api_for(acme)
    for _ in range(3):
        api.get("/balance")

    refused = api.post("/generations", BODY)

    assert refused.status_code == 429
    assert (refused["Retry-After"], refused["RateLimit-Remaining"]) == ("40", "0")
    error = refused.json()["error"]
    assert (error["code"], error["retryable"]) == ("rate_limited", True)
    assert error["details"] == {"limit": 3, "retry_after_seconds": 40}
    assert money(acme) == (25_000_000, 0)


def test_all_keys_of_an_organization_share_it_and_no_other_organization(
    acme: Organization, rival: Organization, api_for: MakeApi
) -> None:
    ours, also_ours, theirs = api_for(acme), api_for(acme), api_for(rival)

    said = [one.get("/balance").status_code for one in (ours, also_ours, ours, also_ours, theirs)]

    assert said == [200, 200, 200, 429, 200]


def test_the_next_minute_begins_anew(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)
    for _ in range(4):
        api.get("/balance")

    with time_machine.travel("2026-06-17T14:33:00Z", tick=False):
        answer = api.get("/balance")

    assert (answer.status_code, answer["RateLimit-Remaining"]) == (200, "2")


def test_zero_limits_nothing_and_says_nothing(
    acme: Organization, api_for: MakeApi, settings: Any
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 0
    api = api_for(acme)

    answers = [api.get("/balance") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit-Limit" not in answers[0]
