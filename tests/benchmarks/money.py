"""Holding and settling through the product, against the same SQL through psycopg alone."""

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from billing import budgets, ledger, spending, usage
from billing.ledger import posting, slices
from billing.models import Grant
from seedance_saas import ids
from tests.benchmarks import crowd

COUNT = 80
AMOUNT, CHARGED = 1_000, 600
_name = itertools.count(1)


def organization() -> Organization:
    """With more credits than a benchmark spends, and two budgets that never refuse."""
    made = Organization.objects.create(name="Bench")
    ledger.deposit(
        made,
        amount_microusd=10**12,
        kind=Grant.Kind.PURCHASED,
        reference=f"purchase:{made.pk}",
    )
    for scope, subject in (("organization", made.pk), ("end_user", "*")):
        budgets.set_limit(made, scope, subject, limit_microusd=10**12, period="month")
    return made


def hold(tenants: Sequence[Organization]) -> tuple[float, float]:
    """Holds a second, each a transaction of its own: (the product, psycopg alone)."""
    names = next(_name), next(_name)

    def through_the_product(worker: int) -> Callable[[int], object]:
        name = names[0]
        connection.ensure_connection()

        def call(number: int) -> None:
            whose = tenants[(number * crowd.WORKERS + worker) % len(tenants)]
            with transaction.atomic():
                ledger.hold(whose, [_wanted(name, worker, number)], now=timezone.now())

        return call

    def through_psycopg(worker: int) -> Callable[[int], object]:
        name, bare = names[1], _connect()

        def call(number: int) -> None:
            whose = tenants[(number * crowd.WORKERS + worker) % len(tenants)]
            wanted = {"id": ids.new("hld"), **vars(_wanted(name, worker, number))}
            bare.execute(
                "SELECT billing_place_holds(%s, %s::jsonb, %s)",
                [whose.pk, json.dumps([wanted]), datetime.now(UTC)],
            ).fetchone()
            bare.commit()

        return call

    return _both(through_the_product, through_psycopg)


def settle(tenants: Sequence[Organization]) -> tuple[float, float]:
    """Settlements a second: a capture of a part, and its usage. (the product, psycopg alone)."""

    def through_the_product(worker: int) -> Callable[[int], object]:
        name = held[0]
        connection.ensure_connection()

        def call(number: int) -> None:
            whose, reference = tenants[worker % len(tenants)], f"work:{name}.{worker}.{number}"
            with transaction.atomic():
                captured = ledger.capture(whose, reference, amount_microusd=CHARGED)
                usage.record(whose, captured, seconds=4, labels={"model": "fast"})

        return call

    def through_psycopg(worker: int) -> Callable[[int], object]:
        name, bare = held[1], _connect()

        def call(number: int) -> None:
            whose = tenants[worker % len(tenants)]
            _settle(bare, whose.pk, f"work:{name}.{worker}.{number}")

        return call

    held = [_hold_for_all(tenants), _hold_for_all(tenants)]
    return _both(through_the_product, through_psycopg)


def _both(*sides: Callable[[int], Callable[[int], object]]) -> tuple[float, float]:
    first, second = (crowd.rate(side, count=COUNT) for side in sides)
    return first, second


def _wanted(name: int, worker: int, number: int) -> ledger.Wanted:
    return ledger.Wanted(
        f"work:{name}.{worker}.{number}", AMOUNT, end_user_id=f"user-{number % 50}"
    )


def _hold_for_all(tenants: Sequence[Organization]) -> int:
    """What a round settles, held."""
    name = next(_name)
    for worker in range(crowd.WORKERS):
        wanted = [_wanted(name, worker, number) for number in range(COUNT)]
        with transaction.atomic():
            ledger.hold(tenants[worker % len(tenants)], wanted, now=timezone.now())
    return name


def _connect() -> psycopg.Connection[Any]:
    fields = connection.get_connection_params()
    return psycopg.connect(
        **{
            name: fields[name]
            for name in ("dbname", "user", "password", "host", "port")
            if name in fields
        }
    )


def _settle(bare: psycopg.Connection[Any], organization: str, reference: str) -> None:
    """What `ledger.capture` and `usage.record` say to the database, said by hand."""
    held, now = f"held:{organization}", datetime.now(UTC)
    (number,) = _row(bare, posting.LOCK, organization)
    (available,) = _row(bare, posting.AVAILABLE, organization)
    row = _row(bare, slices.HELD, organization, reference)
    held_fields = dict(zip(slices.HOLD_FIELDS, row, strict=False))
    hold, amount, end_user, made_at = (
        held_fields[name] for name in ("id", "amount_microusd", "end_user_id", "created_at")
    )
    account, grant = row[len(held_fields) :][:2]
    back = amount - CHARGED
    posted = [
        {
            "id": ids.new("trf"),
            "number": number + step,
            "kind": kind,
            "from_account_id": held,
            "to_account_id": target,
            "amount_microusd": moved,
            "reference": reference,
            "grant_id": grant,
            "hold_id": hold,
            "available_after_microusd": after,
        }
        for step, kind, target, moved, after in (
            (1, "capture", "revenue", CHARGED, available),
            (2, "release", account, back, available + back),
        )
    ]
    bare.execute(
        posting.CLOSE,
        {
            "organization": organization,
            "now": now,
            "number": number + 2,
            "transfers": json.dumps(posted),
            "changes": json.dumps({account: back, held: -amount}),
        },
    )
    bare.execute(spending.RESOLVE, {"captured": CHARGED, "at": now, "hold": hold})
    bare.execute(
        usage._RECORD,
        {
            "id": ids.new("use"),
            "organization": organization,
            "reference": reference,
            "seconds": 4,
            "amount": CHARGED,
            "end_user": end_user,
            "member": "",
            "api_key": "",
            "labels": '{"model": "fast"}',
            "held_at": made_at,
            "settled_at": now,
            "hold": hold,
            "pseudonym": "0" * 32,
            "is_sandbox": False,
        },
    )
    bare.commit()


def _row(bare: psycopg.Connection[Any], query: str, *parameters: object) -> tuple[Any, ...]:
    row = bare.execute(query, parameters).fetchone()
    assert row, query
    return tuple(row)
