"""Many programs at the same moment, one wallet: exactly what it can pay for is admitted."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import Organization
from billing.models import Hold, Transfer
from generations import tasks
from generations.models import Attempt, Generation
from tests.generations.steps import BODY, run_all
from tests.upstream import Upstream
from tests.world import Api, money

THREADS = 64


def at_once(threads: int, work: Callable[[int], list[str]]) -> Counter[str]:
    """What all of them say, each having begun at the same moment."""
    start = Barrier(threads)

    def run(number: int) -> list[str]:
        start.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return Counter(word for words in pool.map(run, range(threads)) for word in words)


def post(api: Api, key: str | None = None) -> str:
    other = Api(api.headers["Authorization"].removeprefix("Bearer "))
    response = other.post("/generations", BODY, key=key)
    code = response.json().get("error", {}).get("code", "created")
    return f"{response.status_code} {code}"


@pytest.mark.django_db(transaction=True)
def test_credit_for_ten_admits_ten_of_two_hundred(
    make_organization: Callable[..., Organization], api_for: Callable[[Organization], Api]
) -> None:
    organization = make_organization(credits_usd="4.516")  # ten at $0.4516
    api = api_for(organization)

    def work(number: int) -> list[str]:
        return [post(api) for _ in range(number, 200, THREADS)]

    assert at_once(THREADS, work) == {"201 created": 10, "402 insufficient_credits": 190}
    assert money(organization) == (0, 4_516_000)
    assert Generation.objects.count() == Hold.objects.count() == 10
    holds = Transfer.objects.filter(kind="hold").order_by("number")
    assert [row.available_after_microusd for row in holds] == [
        451_600 * left for left in range(9, -1, -1)
    ]


@pytest.mark.django_db(transaction=True)
def test_one_key_admits_one_however_many_ask(
    make_organization: Callable[..., Organization], api_for: Callable[[Organization], Api]
) -> None:
    organization = make_organization(credits_usd="4.516")
    api = api_for(organization)

    assert at_once(16, lambda number: [post(api, key="k1")]) == {"201 created": 16}
    assert Generation.objects.count() == 1
    assert money(organization) == (4_064_400, 451_600)


@pytest.mark.django_db(transaction=True)
def test_cancels_and_successes_beside_each_other_settle_each_once(
    make_organization: Callable[..., Organization],
    api_for: Callable[[Organization], Api],
    upstream: Upstream,
) -> None:
    """Half of the threads cancel what the other half brings home."""
    organization = make_organization(credits_usd="4.516")
    api = api_for(organization)
    ids = [api.post("/generations", BODY).json()["id"] for _ in range(8)]
    run_all()
    for job in upstream.jobs.values():
        upstream.finish(job)

    def work(number: int) -> list[str]:
        id = ids[number // 2]
        if number % 2:
            other = Api(api.headers["Authorization"].removeprefix("Bearer "))
            return [str(other.post(f"/generations/{id}/cancel").status_code)]
        tasks.reconcile(Attempt.objects.get(generation=id).pk)
        tasks.collect(id)
        return []

    answers = at_once(16, work)
    run_all()

    assert set(answers) <= {"200", "409"}
    assert set(Generation.objects.values_list("state", flat=True)) == {"succeeded"}
    assert money(organization) == (4_516_000 - 8 * 451_600, 0)
    assert Transfer.objects.filter(kind="capture").count() == 8
