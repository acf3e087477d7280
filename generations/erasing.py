"""Forgets what a generation was about: prompt, inputs and media. What it cost, and its receipt, stay."""

from django.db import transaction
from django.utils import timezone

from accounts import idempotency, webhooks
from generations import presentation, stored_files
from generations.errors import FAILURES, NotFinal
from generations.models import Attempt, Generation, ProviderEvent, StoredFile


def erase(generation: Generation) -> None:
    """Erase a final generation: its rows at once, its files right after. A repeat changes nothing.

    Raises NotFinal. Files of it that another generation or an upload needs stay for those.
    """
    generation.refresh_from_db()
    if not generation.is_final:
        raise NotFinal("It is still on its way: cancel it, or wait for its end.")
    now = timezone.now()
    with transaction.atomic():
        inputs = StoredFile.objects.filter(
            input_files__generation=generation, uploads=None, purpose=StoredFile.Purpose.INPUT
        )
        going = [
            *inputs.values_list("pk", flat=True),
            *generation.output_files.values_list("pk", flat=True),
        ]
        generation.input_files.all().delete()
        StoredFile.objects.filter(pk__in=going).update(keep_until=now)
        Generation.objects.filter(pk=generation.pk).update(
            input={**generation.input, **_blank(generation)},
            metadata={},
            webhook_url="",
            failure_message=FAILURES[generation.failure_code].message
            if generation.failure_code
            else "",
            failure_details={},
            erased_at=generation.erased_at or now,
        )
        attempts = generation.attempts.all()
        ProviderEvent.objects.filter(attempt__in=attempts).delete()
        Attempt.objects.filter(pk__in=attempts).update(output_url="", error_message="")
        generation.refresh_from_db()
        shown = presentation.as_dict(generation)
        said = {name: shown[name] for name in ("input", "metadata", "failure")} | {"output": None}
        webhooks.unsay(generation.organization, generation.pk, said)
        idempotency.unsay(generation.organization, generation.pk, said)
    stored_files.delete(StoredFile.objects.filter(pk__in=going, keep_until__lte=now))


def _blank(generation: Generation) -> dict[str, object]:
    """The input without what tells anything of its content."""
    files: dict[str, object] = {
        name: [] if isinstance(value, list) else None
        for name, value in generation.input.items()
        if name.endswith(("_url", "_urls"))
    }
    return {"prompt": "", "seed": None, **files}
