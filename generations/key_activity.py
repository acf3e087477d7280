"""What a key has made and what of it still runs: in numbers before it is revoked, and canceled if it leaked."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import api_keys, audit
from accounts.models import ApiKey, User
from generations.models import Generation
from generations.states import FINAL
from seedance_saas import queue

# By then every request that was under way when the key was revoked has its row, or an error.
LATECOMERS_SECONDS = 60


_ACTIVITY = """
SELECT (SELECT count(*) FROM generations_generation
            WHERE organization_id = %(organization)s AND api_key_id = %(key)s AND id > %(day_ago)s),
       running.n, running.held,
       (SELECT coalesce(sum(charged_microusd), 0)::bigint FROM billing_spendingday
            WHERE organization_id = %(organization)s AND scope = 'api_key' AND subject_id = %(key)s)
    FROM (
        SELECT count(*) AS n, coalesce(sum(held_microusd), 0)::bigint AS held
            FROM generations_generation WHERE api_key_id = %(key)s AND state <> ALL(%(final)s)
    ) AS running
"""


@dataclass(frozen=True)
class Activity:
    """`charged_microusd` and `held_microusd` are of all its time; `running` is everything without an end."""

    day_requests: int
    running: int
    running_held_microusd: int
    charged_microusd: int


def generations_of(key: ApiKey) -> QuerySet[Generation]:
    return Generation.objects.filter(organization_id=key.organization_id, api_key=key)


def of(key: ApiKey) -> Activity:
    """As it is now: one query, which reads what runs and a day of generations, however old the key is."""
    day_ago = timezone.now() - timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(
            _ACTIVITY,
            {
                "organization": key.organization_id,
                "key": key.pk,
                "final": [state.value for state in FINAL],
                # Ids sort by time: a moment is as good as an id.
                "day_ago": f"gen_{int(day_ago.timestamp() * 1000):012x}",
            },
        )
        return Activity(*cursor.fetchone())


@transaction.atomic
def revoke_and_cancel(key: ApiKey, *, by: User, address: str | None = None) -> int:
    """The key has leaked: it opens nothing from now on, and what it started is canceled; how much that is.

    A key that was revoked before stays so. A repeat cancels what still runs. What a request brings that was
    under way meanwhile is canceled a minute later.
    """
    api_keys.revoke(key, by=by, address=address)
    running = _running(key).count()
    audit.note(
        key.organization,
        "api_key.work_canceled",
        key.id,
        actor=by,
        address=address,
        after={"generations": running},
    )
    queue.enqueue("generations.tasks.cancel_work_of_key", key.id)
    queue.enqueue_in(LATECOMERS_SECONDS, "generations.tasks.cancel_work_of_key", key.id)
    return running


@transaction.atomic
def cancel_each(key: ApiKey) -> None:
    """Leave word that each is to be canceled: each asks a provider, and none waits for another."""
    for id in _running(key).values_list("id", flat=True):
        queue.enqueue("generations.tasks.cancel", id)


def _running(key: ApiKey) -> QuerySet[Generation]:
    return generations_of(key).exclude(state__in=FINAL)
