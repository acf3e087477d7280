"""After SECRET_KEY was replaced: what the old one sealed is sealed anew, so that the old one may be forgotten."""

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import secrets_at_rest
from accounts.models import WebhookSecret

# Where allauth keeps what it sealed, by the kind of factor.
FIELDS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}


def reseal_all() -> int:
    """How many were sealed anew; a repeat finds none. Locks one row at a time.

    Raises InvalidToken at one that no key of ours sealed; those before it are done.
    """
    return sum(_webhook_secret(row) for row in WebhookSecret.objects.iterator()) + sum(
        _factor(id)
        for id in Authenticator.objects.filter(type__in=FIELDS).values_list("pk", flat=True)
    )


def _webhook_secret(row: WebhookSecret) -> bool:
    sealed = secrets_at_rest.reseal(row.sealed)
    changed = sealed != row.sealed
    if changed:
        WebhookSecret.objects.filter(pk=row.pk).update(sealed=sealed)
    return changed


@transaction.atomic
def _factor(id: int) -> bool:
    row = Authenticator.objects.select_for_update().filter(pk=id).first()
    if row is None:  # removed meanwhile
        return False
    field = FIELDS[row.type]
    sealed = secrets_at_rest.reseal(row.data[field])
    changed = bool(sealed != row.data[field])
    if changed:
        row.data[field] = sealed
        row.save(update_fields=["data"])
    return changed
