"""What the holds of each subject came to, day by day: what budgets count. Written under the wallet's lock alone."""

from collections.abc import Iterator

from django.db import connection

from billing.models import Budget, Hold


def subjects(
    organization_id: str, *, member_id: str, api_key_id: str, end_user_id: str
) -> Iterator[tuple[str, str]]:
    """The subjects of one hold, the widest scope first: as `billing_subjects` in SQL."""
    yield Budget.Scope.ORGANIZATION, organization_id
    for scope, subject_id in (
        (Budget.Scope.MEMBER, member_id),
        (Budget.Scope.API_KEY, api_key_id),
        (Budget.Scope.END_USER, end_user_id),
    ):
        if subject_id:
            yield scope, subject_id


RESOLVE = """
    WITH resolved AS (
        UPDATE billing_hold SET captured_microusd = %(captured)s, resolved_at = %(at)s
        WHERE id = %(hold)s RETURNING *
    )
    UPDATE billing_spendingday AS spent
        SET held_microusd = held_microusd - resolved.amount_microusd,
            charged_microusd = charged_microusd + resolved.captured_microusd
        FROM resolved
        CROSS JOIN LATERAL billing_subjects(resolved.organization_id::text, to_jsonb(resolved)) AS subject
        WHERE spent.organization_id = resolved.organization_id AND spent.scope = subject.scope
            AND spent.subject_id = subject.id
            AND day = (resolved.created_at AT TIME ZONE 'UTC')::date
"""


def note_resolved(hold: Hold) -> None:
    """Keep what was captured: what was held counts as charged, or not at all, on the day on which it
    was held.

    One statement, under the wallet's lock that the caller has.
    """
    assert hold.captured_microusd is not None, hold.reference
    with connection.cursor() as cursor:
        cursor.execute(
            RESOLVE,
            {"captured": hold.captured_microusd, "at": hold.resolved_at, "hold": hold.id},
        )
