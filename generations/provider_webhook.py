"""An upstream calls: store once, answer at once, look later. Nothing it says is believed."""

import hashlib
import logging

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from generations import attempts, lifecycle, orphans
from generations.models import Attempt, Generation, ProviderEvent
from generations.providers import registry
from seedance_saas import queue
from seedance_saas.errors import InvalidRequest, NotFound, as_dict

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def receive(request: HttpRequest, provider: str, secret: str) -> HttpResponse:
    """POST /webhooks/{provider}/{secret}. The secret is the attempt's own, so it tells which one this is about,
    even when the answer to our submit was lost. 404 for an unknown one, 400 for a wrong signature."""
    attempt = Attempt.objects.filter(provider=provider, webhook_secret=secret).first()
    if attempt is None:
        return JsonResponse(
            as_dict(NotFound("There is nothing at this address."), request), status=404
        )
    body = request.body  # Django refuses more than DATA_UPLOAD_MAX_MEMORY_SIZE
    headers = {name.lower(): value for name, value in request.headers.items()}
    if not registry.get(provider).is_signed_by(secret, headers, body):
        refusal = InvalidRequest("The signature is wrong.", param="X-Webhook-Signature")
        return JsonResponse(as_dict(refusal, request), status=400)
    with transaction.atomic():
        event, is_new = ProviderEvent.objects.get_or_create(
            attempt=attempt,
            body_sha256=hashlib.sha256(body).hexdigest(),
            defaults={"body": body.decode(errors="replace").replace("\x00", "�")},
        )
        if is_new:
            queue.enqueue("generations.tasks.handle_provider_event", event.pk)
    logger.info("webhook.received attempt=%s event=%s new=%s", attempt.id, event.pk, is_new)
    return JsonResponse({"received": True})


def handle(event: ProviderEvent) -> None:
    """Learn the job's id if we missed it, then ask the provider. What comes after the end is an orphan.

    Lets ProviderUnavailable out: tried again.
    """
    attempt = event.attempt
    job_id = registry.get(attempt.provider).webhook_job_id(event.body)
    if (
        job_id is None
        or (attempt.job_id and attempt.job_id != job_id)
        or attempts.known_elsewhere(attempt, [job_id])
    ):
        logger.warning("webhook.ignored attempt=%s event=%s", attempt.id, event.pk)
    elif attempt.state in attempts.OPEN:
        if not attempt.job_id:
            # From now on it is polled, whatever becomes of this webhook.
            lifecycle.accept(attempt, job_id)
        lifecycle.reconcile(attempt)
    else:
        orphans.keep(attempt, job_id)
    if Generation.objects.filter(pk=attempt.generation_id, erased_at__isnull=False).exists():
        ProviderEvent.objects.filter(pk=event.pk).delete()  # it came after all else was erased
    else:
        ProviderEvent.objects.filter(pk=event.pk).update(handled_at=timezone.now())
