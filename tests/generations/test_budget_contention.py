"""A thousand creates at once over every scope: each budget admits exactly what it was set to."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts import api_keys
from accounts.models import ApiKey, Organization, Role, User
from billing import budgets
from billing.models import Hold, SpendingDay
from generations.models import Generation
from tests.pages.conftest import FORM
from tests.world import Api, money

CLIENTS = 32
PRICE = 451_600  # 4 s of fast 480p
BODY = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": "a red kite over a beach",
    "resolution": "480p",
    "duration": 4,
}
MEMBERS = (10, 20, 30)  # how many each may make
KEYS = (15, 25, 35, 45)
END_USERS, EACH_END_USER = 20, 3
UNLIMITED = 100
SPARE = 5  # what the organization's own budget has left when the others are full
ADMITTED = sum(MEMBERS) + sum(KEYS) + END_USERS * EACH_END_USER + UNLIMITED

Job = Callable[[], tuple[str, str]]


def limit(organization: Organization, scope: str, subject: str, count: int) -> None:
    budgets.set_limit(organization, scope, subject, limit_microusd=count * PRICE, period="lifetime")


def by_key(secret: str, subject: str, **body: str) -> tuple[str, str]:
    """Who asked, and what was answered: the scope of the budget that refused, or "created"."""
    response = Api(secret).post("/generations", {**BODY, **body})
    if response.status_code == 201:
        return subject, "created"
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (402, "budget_exceeded"), error
    assert error["retryable"] is True  # nothing is spent yet: only holds stand in the way
    return subject, error["details"]["scope"]


def by_form(client: Client, subject: str, number: int) -> tuple[str, str]:
    response = client.post("/create", {**FORM, "token": f"{number:032x}"})
    return subject, {302: "created", 402: "refused"}[response.status_code]


def all_at_once(jobs: list[Job]) -> Counter[tuple[str, str]]:
    def work(number: int) -> list[tuple[str, str]]:
        try:
            return [job() for job in jobs[number::CLIENTS]]
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(itertools.chain.from_iterable(pool.map(work, range(CLIENTS))))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_scope_admits_exactly_its_number_and_refusals_name_the_right_one(
    make_organization: Callable[..., Organization],
    member_of: Callable[..., User],
    page_for: Callable[[User], Client],
) -> None:
    acme = make_organization(credits_usd="1000.00")
    keys: list[tuple[ApiKey, str]] = [api_keys.issue(acme, f"key {n}") for n in range(6)]
    members = [member_of(acme, Role.DEVELOPER) for _ in MEMBERS]
    limit(acme, "organization", acme.pk, ADMITTED + SPARE)
    limit(acme, "end_user", "*", EACH_END_USER)
    for user, count in zip(members, MEMBERS, strict=True):
        limit(acme, "member", user.memberships.get().pk, count)
    for (key, _), count in zip(keys, KEYS, strict=False):
        limit(acme, "api_key", key.pk, count)

    def jobs() -> Iterator[Job]:
        for number, user in enumerate(members):
            for turn in range(100):
                yield lambda u=user, n=number, t=turn: by_form(  # type: ignore[misc]
                    page_for(u), f"member {n}", n * 100 + t
                )
        for number in range(len(KEYS)):
            for _ in range(100):
                yield lambda n=number: by_key(keys[n][1], f"key {n}")  # type: ignore[misc]
        for number in range(END_USERS):
            for _ in range(10):
                yield lambda n=number: by_key(  # type: ignore[misc]
                    keys[4][1], f"end user {n}", end_user_id=f"u_{n}"
                )
        for _ in range(UNLIMITED):
            yield lambda: by_key(keys[5][1], "unlimited")

    # So that every client asks for everybody.
    said = all_at_once(sorted(jobs(), key=lambda job: hash(job) % 997))

    expected: Counter[tuple[str, str]] = Counter({("unlimited", "created"): UNLIMITED})
    for number, count in enumerate(MEMBERS):
        expected |= {
            (f"member {number}", "created"): count,
            (f"member {number}", "refused"): 100 - count,
        }
    for number, count in enumerate(KEYS):
        expected |= {(f"key {number}", "created"): count, (f"key {number}", "api_key"): 100 - count}
    for number in range(END_USERS):
        name = f"end user {number}"
        expected |= {(name, "created"): EACH_END_USER, (name, "end_user"): 10 - EACH_END_USER}
    assert said == expected
    assert said.total() == 1000
    assert Generation.objects.count() == Hold.objects.count() == ADMITTED
    assert money(acme) == (1_000_000_000 - ADMITTED * PRICE, ADMITTED * PRICE)
    of_all = SpendingDay.objects.get(organization=acme, scope="organization")
    assert (of_all.held_microusd, of_all.charged_microusd) == (ADMITTED * PRICE, 0)

    # Whom nothing else limits, the organization's own budget limits, as exactly.
    assert all_at_once([lambda: by_key(keys[5][1], "unlimited")] * CLIENTS) == {
        ("unlimited", "created"): SPARE,
        ("unlimited", "organization"): CLIENTS - SPARE,
    }
    assert Generation.objects.count() == ADMITTED + SPARE
