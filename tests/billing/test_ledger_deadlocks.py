"""Every verb at once over the same rows: nobody is deadlocked, and nobody waits long."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import Organization, User
from billing import budgets, ledger
from billing.models import Grant, Hold, Transfer, Wallet
from seedance_saas.errors import Refusal
from tests.world import deposit, make_user

THREADS = 16
LOCK_SECONDS_MAX = 1.0
PERIODS = ("day", "week", "month", "lifetime")
SUBJECTS = (("member", "mem_1"), ("api_key", "key_1"), ("end_user", "ann"), ("end_user", "*"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_every_verb_at_once_neither_deadlocks_nor_waits_long(
    acme: Organization, rival: Organization, seconds: int
) -> None:
    operator, over = make_user(), Event()
    deadline = time.monotonic() + seconds

    with ThreadPoolExecutor(THREADS + 1) as pool:
        watch = pool.submit(_longest_wait, over)
        works = [
            pool.submit(_work, number, (acme, rival), operator, deadline)
            for number in range(THREADS)
        ]
        done = [work.result(timeout=seconds + 60) for work in works]
        over.set()
        waited = watch.result(timeout=10)

    assert [error for _, errors in done for error in errors] == []
    assert sum(count for count, _ in done) > 5 * seconds
    assert waited < LOCK_SECONDS_MAX
    counts = dict(Wallet.objects.values_list("organization_id", "transfers_count"))
    assert sum(counts.values()) == Transfer.objects.count()


def _work(
    number: int, organizations: tuple[Organization, ...], operator: User, deadline: float
) -> tuple[int, list[str]]:
    """How many moves were made, and every error that is not a refusal."""
    chance, count, errors = random.Random(number), 0, []  # noqa: S311
    try:
        while time.monotonic() < deadline:
            count += 1
            try:
                _move(chance, chance.choice(organizations), f"{number}.{count}", operator)
            except Refusal:
                pass
            except DatabaseError as error:
                errors.append(repr(error))
    finally:
        connection.close()
    return count, errors


def _move(chance: random.Random, organization: Organization, name: str, operator: User) -> None:
    verb = chance.choices(
        ("hold", "resolve", "deposit", "claw_back", "budget", "remove", "correct"),
        weights=(8, 8, 5, 1, 2, 1, 1),
    )[0]
    open_holds = Hold.objects.filter(organization=organization, resolved_at=None)
    if verb == "hold":
        whose = dict(
            zip(("member_id", "api_key_id", "end_user_id"), _somebody(chance), strict=True)
        )
        wanted = [
            ledger.Wanted(f"work:{name}.{part}", chance.randint(1, 90_000), **whose)
            for part in range(chance.randint(1, 3))
        ]
        with transaction.atomic():
            ledger.hold(organization, wanted, now=timezone.now())
    elif verb == "resolve":
        if hold := open_holds.order_by("?").first():
            amount = chance.choice((0, hold.amount_microusd, hold.amount_microusd // 2))
            ledger.capture(organization, hold.reference, amount_microusd=amount)
    elif verb == "deposit":
        deposit(organization, "0.10", kind=chance.choice(list(Grant.Kind)), reference=f"in:{name}")
    elif verb == "claw_back":
        grants = list(Grant.objects.filter(organization=organization).order_by("?")[:2])
        ledger.claw_back(
            organization, amount_microusd=90_000, grants=grants, reference=f"out:{name}"
        )
    elif verb == "correct":
        grant = Grant.objects.filter(organization=organization).earliest("id")
        ledger.correct(
            grant, change_microusd=7, reference=f"c:{name}", reason="a gift", actor=operator
        )
    else:
        scope, id = chance.choice((*SUBJECTS, ("organization", organization.pk)))
        limit = chance.choice((None, 100_000, 10_000_000))
        if verb == "budget":
            budgets.set_limit(
                organization, scope, id, limit_microusd=limit, period=chance.choice(PERIODS)
            )
        elif budget := organization.budgets.filter(scope=scope, subject_id=id).first():
            budgets.remove(budget)


def _somebody(chance: random.Random) -> tuple[str, str, str]:
    return (
        chance.choice(("", "mem_1")),
        chance.choice(("", "key_1")),
        chance.choice(("", "ann", "bob")),
    )


def _longest_wait(over: Event) -> float:
    """The longest that anybody was seen waiting for a lock, in seconds."""
    longest = 0.0
    try:
        with connection.cursor() as cursor:
            while not over.wait(0.02):
                cursor.execute(
                    "SELECT coalesce(extract(epoch FROM max(clock_timestamp() - waitstart)), 0)::float"
                    " FROM pg_locks JOIN pg_stat_activity USING (pid)"
                    " WHERE NOT granted AND datname = current_database()"
                )
                longest = max(longest, cursor.fetchone()[0])
    finally:
        connection.close()
    return longest
