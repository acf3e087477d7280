"""Is the process alive, and is the product ready? Asked by load balancers and by `manage.py run`."""

from datetime import timedelta

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from seedance_saas.models import Sweep

WORKER_SILENT_SECONDS_MAX = 60
CLOCK_SILENT_SECONDS_MAX = 150  # without a worker it gives up a run first: clock.LOST_SECONDS


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200, or 503 that names what is missing."""
    found = problems()
    if not found:
        return JsonResponse({"status": "ready"})
    error = {
        "code": "not_ready",
        "message": " ".join(found),
        "retryable": True,
        "param": None,
        "details": {"problems": found},
        "request_id": None,
    }
    return JsonResponse({"error": error}, status=503)


def problems() -> list[str]:
    """What keeps the product from working, as sentences without secrets."""
    try:
        if not _is_migrated():
            return ["Migrations are not applied: run `manage.py migrate`."]
        if not _was_seen("finished_at", WORKER_SILENT_SECONDS_MAX):
            if not _was_seen("enqueued_at", CLOCK_SILENT_SECONDS_MAX):
                return [
                    f"No clock was seen in the last {CLOCK_SILENT_SECONDS_MAX} seconds,"
                    " and no worker: run `manage.py clock`."
                ]
            return [f"No worker was seen in the last {WORKER_SILENT_SECONDS_MAX} seconds."]
    except Error:
        connection.close()  # the next question gets a fresh one
        return ["The database does not answer."]
    return []


_migrated = False  # once it was true in this process it stays true


def _is_migrated() -> bool:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _was_seen(did: str, seconds: int) -> bool:
    """Whether a sweep was enqueued (by a clock) or finished (by a worker) in that time."""
    since = Now() - timedelta(seconds=seconds)
    return Sweep.objects.filter(**{f"{did}__gt": since}).exists()
