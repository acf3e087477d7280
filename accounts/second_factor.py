"""Whether a person signs in with more than a password."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled

from accounts.models import User

# Recovery codes are a way back to one of these, not one themselves.
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def has_one(user: User) -> bool:
    """One query."""
    return bool(is_mfa_enabled(user, types=FACTORS))
