"""Organizations with very much in their books, made by SQL, that `check_ledger` finds right."""

from datetime import timedelta
from typing import Any, LiteralString

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from billing import ledger
from billing.models import Grant

DEPOSIT = 10**12
END_USERS, MODELS, DAYS = 100, 2, 30

# A deposit is there; each hold of 1,000 is captured for 600, and 400 come back.
_TRANSFERS: tuple[LiteralString, ...] = (
    """
    INSERT INTO billing_hold (id, organization_id, reference, amount_microusd, captured_microusd,
            end_user_id, member_id, api_key_id, created_at, resolved_at)
        SELECT 'hld_' || %(suffix)s || n, %(org)s, 'bulk:' || %(suffix)s || n, 1000, 600, '', '', '',
               %(began)s + n * interval '1 second', %(began)s + (n + 1) * interval '1 second'
        FROM generate_series(0, %(holds)s - 1) AS n
    """,
    """
    INSERT INTO billing_transfer (id, organization_id, number, kind, from_account_id, to_account_id,
            amount_microusd, reference, grant_id, hold_id, available_after_microusd, created_at)
        SELECT 'trf_' || %(suffix)s || n || step, %(org)s, 3 * n + 1 + step,
               (ARRAY['hold', 'capture', 'release'])[step],
               CASE step WHEN 1 THEN %(account)s ELSE 'held:' || %(org)s END,
               (ARRAY['held:' || %(org)s, 'revenue', %(account)s])[step],
               (ARRAY[1000, 600, 400])[step], 'bulk:' || %(suffix)s || n, %(grant)s,
               'hld_' || %(suffix)s || n,
               %(deposit)s - 600 * n - (ARRAY[1000, 1000, 600])[step],
               %(began)s + (n + (step > 1)::int) * interval '1 second'
        FROM generate_series(0, %(holds)s - 1) AS n, generate_series(1, 3) AS step
    """,
    """
    INSERT INTO billing_spendingday (organization_id, scope, subject_id, day, held_microusd, charged_microusd)
        SELECT organization_id, 'organization', organization_id, (created_at AT TIME ZONE 'UTC')::date, 0,
               sum(captured_microusd)
        FROM billing_hold WHERE organization_id = %(org)s GROUP BY organization_id, 4
    """,
    """
    UPDATE billing_account SET balance_microusd = %(deposit)s - 600 * %(holds)s::bigint WHERE id = %(account)s
    """,
    """
    UPDATE billing_transfer SET created_at = %(began)s WHERE organization_id = %(org)s AND number = 1
    """,
    """
    UPDATE billing_wallet SET transfers_count = 1 + 3 * %(holds)s::bigint WHERE organization_id = %(org)s
    """,
)
_USAGE: tuple[LiteralString, ...] = (
    """
    INSERT INTO billing_usagerecord (id, organization_id, reference, seconds, amount_microusd,
            end_user_id, member_id, api_key_id, labels, held_at, settled_at)
        SELECT 'use_' || %(records)s || '_' || n, %(org)s, 'used:' || %(org)s || n, 4, 600,
               'user-' || n * 7919::bigint %% %(users)s, '', '',
               jsonb_build_object('model', 'model-' || n / 7 %% %(models)s, 'resolution', '480p'), at, at
        FROM generate_series(0, %(records)s - 1) AS n,
             LATERAL (SELECT %(first)s::timestamptz + n / 3 %% (%(days)s * 24) * interval '1 hour' AS at) AS spread
    """,
    """
    INSERT INTO billing_usageday (organization_id, day, end_user_id, member_id, api_key_id, labels,
            records_count, seconds, amount_microusd)
        SELECT organization_id, (settled_at AT TIME ZONE 'UTC')::date, end_user_id, '', '', labels,
               count(*), sum(seconds), sum(amount_microusd)
        FROM billing_usagerecord WHERE organization_id = %(org)s GROUP BY 1, 2, 3, 6
    """,
)


def with_transfers(count: int) -> Organization:
    """About `count` transfers, all of days that are over."""
    made = Organization.objects.create(name=f"{count} transfers")
    grant = ledger.deposit(
        made, amount_microusd=DEPOSIT, kind=Grant.Kind.PURCHASED, reference=f"bulk:{made.pk}"
    )
    _execute(
        _TRANSFERS,
        {
            "org": made.pk,
            "suffix": f"{count}_",
            "account": grant.account_id,
            "grant": grant.pk,
            "deposit": DEPOSIT,
            "holds": count // 3,
            "began": timezone.now() - timedelta(days=7),
        },
    )
    return made


def with_usage(count: int, first: str) -> Organization:
    """`count` usage records in the thirty days from `first`, and their days."""
    made = Organization.objects.create(name=f"{count} records")
    fields = {"org": made.pk, "records": count, "first": first, "users": END_USERS}
    _execute(_USAGE, {**fields, "models": MODELS, "days": DAYS})
    return made


def _execute(statements: tuple[LiteralString, ...], fields: dict[str, Any]) -> None:
    """Past the foreign keys, which would be half of the time."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement, fields)
        for table in (
            "billing_transfer",
            "billing_hold",
            "billing_usagerecord",
            "billing_usageday",
        ):
            cursor.execute(f"ANALYZE {table}")  # ours
