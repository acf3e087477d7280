"""The rows that are derived, compared with what they are derived from, and written anew.

Usage days are added up from usage records, spending days from holds. Both are kept as the money moves;
this is the proof that they were, and the cure if they were not.
"""

from dataclasses import dataclass

from django.db import connection, transaction

from accounts.models import Organization
from billing.models import Wallet


@dataclass(frozen=True)
class _Rollup:
    """`truth` selects every key and value of an organization (%s) afresh."""

    table: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    truth: str

    @property
    def differences(self) -> str:
        """Key, what is written, what is true: for each row in which they differ."""
        written, derived = (
            f"jsonb_build_array({', '.join(f'{side}.{value}' for value in self.values)})"
            for side in ("written", "derived")
        )
        key = ", ".join(f"coalesce(written.{key}, derived.{key})::text" for key in self.keys)
        joined = " AND ".join(f"written.{key} = derived.{key}" for key in self.keys)
        return f"""
            SELECT concat_ws(' ', {key}) AS name,
                   CASE WHEN written.{self.keys[0]} IS NULL THEN NULL ELSE {written} END,
                   CASE WHEN derived.{self.keys[0]} IS NULL THEN NULL ELSE {derived} END
            FROM (SELECT * FROM {self.table} WHERE organization_id = %s) AS written
            FULL JOIN ({self.truth}) AS derived ON {joined}
            WHERE ({written}) IS DISTINCT FROM ({derived})
            ORDER BY 1
        """  # noqa: S608  # constants of this file

    @property
    def rewrite(self) -> str:
        columns = ", ".join((*self.keys, *self.values))
        return f"""
            INSERT INTO {self.table} (organization_id, {columns})
            SELECT %s, {columns} FROM ({self.truth}) AS derived
        """  # noqa: S608  # constants of this file


_USAGE_DAYS = _Rollup(
    table="billing_usageday",
    keys=("day", "end_user_id", "member_id", "api_key_id", "labels"),
    values=("records_count", "seconds", "amount_microusd"),
    truth="""
        SELECT (settled_at AT TIME ZONE 'UTC')::date AS day, end_user_id, member_id, api_key_id, labels,
               count(*)::integer AS records_count, sum(seconds)::bigint AS seconds,
               sum(amount_microusd)::bigint AS amount_microusd
        FROM billing_usagerecord WHERE organization_id = %s
        GROUP BY 1, 2, 3, 4, 5
    """,
)
_SPENDING_DAYS = _Rollup(
    table="billing_spendingday",
    keys=("scope", "subject_id", "day"),
    values=("held_microusd", "charged_microusd"),
    truth="""
        SELECT subject.scope, subject.id AS subject_id, (hold.created_at AT TIME ZONE 'UTC')::date AS day,
               coalesce(sum(hold.amount_microusd) FILTER (WHERE resolved_at IS NULL), 0)::bigint
                   AS held_microusd,
               coalesce(sum(captured_microusd), 0)::bigint AS charged_microusd
        FROM billing_hold AS hold
        CROSS JOIN LATERAL billing_subjects(hold.organization_id::text, to_jsonb(hold)) AS subject
        WHERE hold.organization_id = %s
        GROUP BY 1, 2, 3
    """,
)


@transaction.atomic
def rebuild(organization: Organization) -> list[str]:
    """Write the organization's derived rows anew where they differ; every difference, in words.

    A repeat finds none. Locks the wallet, so that no money moves between the reading and the writing.
    """
    Wallet.objects.select_for_update(no_key=True).filter(organization=organization).first()
    found: list[str] = []
    for rollup in (_USAGE_DAYS, _SPENDING_DAYS):
        differences = _differences(rollup, organization)
        if differences:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"DELETE FROM {rollup.table} WHERE organization_id = %s",  # noqa: S608  # a constant
                    [organization.pk],
                )
                cursor.execute(rollup.rewrite, [organization.pk, organization.pk])
        found += differences
    return found


@transaction.atomic
def differences(organization: Organization) -> list[str]:
    """What `rebuild` would change, in words; empty when all is as it should be. Locks the wallet."""
    Wallet.objects.select_for_update(no_key=True).filter(organization=organization).first()
    return [
        difference
        for rollup in (_USAGE_DAYS, _SPENDING_DAYS)
        for difference in _differences(rollup, organization)
    ]


def _differences(rollup: _Rollup, organization: Organization) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(rollup.differences, [organization.pk, organization.pk])
        return [
            f"{rollup.table} of {organization.pk}, {name}: {_words(rollup, written)} is written and"
            f" {_words(rollup, derived)} is true"
            for name, written, derived in cursor.fetchall()
        ]


def _words(rollup: _Rollup, values: str | None) -> str:
    return "nothing" if values is None else f"{', '.join(rollup.values)} {values}"
