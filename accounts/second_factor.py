"""What a person has beside the password: an authenticator app, or a passkey."""

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

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
