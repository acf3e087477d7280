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
from billing import budgets, ledger, usage
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
                usage.record(captured, seconds=4, labels={"model": "fast"})

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
    (number,) = _row(
        bare,
        "SELECT transfers_count FROM billing_wallet WHERE organization_id = %s FOR NO KEY UPDATE",
        organization,
    )
    (available,) = _row(
        bare,
        "SELECT sum(balance_microusd) FROM billing_account WHERE organization_id = %s AND kind = 'grant'",
        organization,
    )
    hold, amount, end_user, made_at = _row(
        bare,
        "SELECT id, amount_microusd, end_user_id, created_at FROM billing_hold"
        " WHERE organization_id = %s AND reference = %s",
        *(organization, reference),
    )
    account, grant = _row(
        bare,
        "SELECT from_account_id, grant_id FROM billing_transfer WHERE hold_id = %s AND kind = 'hold'"
        " ORDER BY number",
        hold,
    )
    _row(bare, "SELECT count(*) FROM billing_grant WHERE id = %s AND expires_at <= %s", grant, now)
    back = amount - CHARGED
    for step, kind, target, moved in (
        (1, "capture", "revenue", CHARGED),
        (2, "release", account, back),
    ):
        after = available + (back if kind == "release" else 0)
        bare.execute(
            "INSERT INTO billing_transfer (id, organization_id, number, kind, from_account_id, to_account_id,"
            " amount_microusd, reference, grant_id, hold_id, available_after_microusd, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                ids.new("trf"),
                organization,
                number + step,
                kind,
                held,
                target,
                moved,
                reference,
                grant,
                hold,
                after,
                now,
            ],
        )
    for id, change in ((account, back), (held, -amount)):
        bare.execute(
            "UPDATE billing_account SET balance_microusd = balance_microusd + %s WHERE id = %s",
            [change, id],
        )
    bare.execute(
        "UPDATE billing_hold SET captured_microusd = %s, resolved_at = %s WHERE id = %s",
        [CHARGED, now, hold],
    )
    bare.execute(
        "UPDATE billing_wallet SET transfers_count = %s WHERE organization_id = %s",
        [number + 2, organization],
    )
    bare.execute(
        "UPDATE billing_spendingday SET held_microusd = held_microusd - %s,"
        " charged_microusd = charged_microusd + %s WHERE organization_id = %s AND day = %s"
        " AND ((scope = 'organization' AND subject_id = %s) OR (scope = 'end_user' AND subject_id = %s))",
        [amount, CHARGED, organization, made_at.astimezone(UTC).date(), organization, end_user],
    )
    bare.execute(
        usage._RECORD,
        [
            ids.new("use"),
            organization,
            reference,
            4,
            CHARGED,
            end_user,
            "",
            "",
            '{"model": "fast"}',
            made_at,
            now,
        ],
    )
    bare.commit()


def _row(bare: psycopg.Connection[Any], query: str, *parameters: object) -> tuple[Any, ...]:
    row = bare.execute(query, parameters).fetchone()
    assert row, query
    return tuple(row)
