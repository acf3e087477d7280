"""What a person has beside the password: an authenticator app, or a passkey."""

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest

from accounts import account_mails, audit, sessions
from accounts.models import Membership, User

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_one(user: User) -> bool:
    """Recovery codes alone are none: they stand in for a factor that there is."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def is_missing(request: HttpRequest) -> bool:
    """Whether the organization in view wants a second factor of the person, who has none.

    Reads the database only if the organization wants one, and once in a request.
    """
    membership: Membership | None = request.membership  # type: ignore[attr-defined]
    if not membership or not membership.organization.requires_second_factor:
        return False
    if not hasattr(request, "_second_factor_is_missing"):
        request._second_factor_is_missing = not has_one(membership.user)  # type: ignore[attr-defined]
    return bool(request._second_factor_is_missing)  # type: ignore[attr-defined]


@transaction.atomic
def remove_all(user: User, *, by: User, reason: str) -> bool:
    """For whoever lost phone and recovery codes: the password alone opens the account, and every session ends.

    Written in the audit trail of each of their organizations, and told by mail. A repeat changes nothing.
    """
    removed, _ = Authenticator.objects.filter(user=user).delete()
    if removed:
        ended = sessions.end_all(user)
        audit.note_person(
            user, "person.second_factor_removed",
            actor=by, before={"kind": "all"}, after={"reason": reason, "sessions_ended": ended},
        )  # fmt: skip
        account_mails.send_later("second_factors_removed", user.email, {})
    return bool(removed)
