"""Is the process alive, and is the product ready? Asked by load balancers and by `manage.py run`."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from seedance_saas.models import Sweep

WORKER_SILENT_SECONDS_MAX = 60
CLOCK_SILENT_SECONDS_MAX = 150  # without a worker it gives up a run first: clock.LOST_SECONDS
PATHS = ("/healthz", "/readyz")


class AnyHostMiddleware:
    """Health is asked by what knows our machine's address and not our name: whatever it calls us, it is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in PATHS:
            request.META["HTTP_HOST"] = urlsplit(settings.PUBLIC_URL).netloc
        return self.get_response(request)


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
        return who_is_silent()
    except Error:
        connection.close()  # the next question gets a fresh one
        return ["The database does not answer."]


_migrated = False  # once it was true in this process it stays true


def _is_migrated() -> bool:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def who_is_silent() -> list[str]:
    """A clock enqueues sweeps, and a worker finishes them. Time is the database's."""
    seen = Sweep.objects.aggregate(
        worker=Count("pk", filter=Q(finished_at__gt=_ago(WORKER_SILENT_SECONDS_MAX))),
        clock=Count("pk", filter=Q(enqueued_at__gt=_ago(CLOCK_SILENT_SECONDS_MAX))),
    )
    if seen["worker"]:
        return []
    if seen["clock"]:
        return [f"No worker was seen in the last {WORKER_SILENT_SECONDS_MAX} seconds."]
    return [
        f"No clock was seen in the last {CLOCK_SILENT_SECONDS_MAX} seconds, and no worker:"
        " run `manage.py clock`."
    ]


def _ago(seconds: int) -> CombinedExpression:
    return Now() - timedelta(seconds=seconds)
