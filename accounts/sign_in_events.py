"""What people did to get in, written into the audit trail of each of their organizations.

Django and allauth tell it by signals, and by nothing else: this module alone listens to them.
"""

from typing import Any

from allauth.account import signals as account
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth
from django.core.cache import cache
from django.http import HttpRequest

from accounts import audit, sessions
from accounts.models import User
from seedance_saas.requests import client_address

# A failure is noted for an account once in this time: whoever guesses must not fill the trail.
FAILURE_EVERY_SECONDS = 900
KINDS = {
    Authenticator.Type.TOTP: "authenticator app",
    Authenticator.Type.WEBAUTHN: "passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery code",
}


def listen() -> None:
    """Called once, when the app is ready."""
    auth.user_logged_in.connect(_began)
    auth.user_logged_out.connect(_signed_out)
    account.user_logged_in.connect(_signed_in)
    for signal in (account.password_changed, account.password_set, account.password_reset):
        signal.connect(_password_changed)
    account.email_changed.connect(_email_changed)
    mfa.authenticator_added.connect(_factor_added)
    mfa.authenticator_removed.connect(_factor_removed)
    mfa.authenticator_reset.connect(_codes_made)
    mfa.authenticator_used.connect(_factor_used)
    mfa.authentication_failed.connect(_factor_failed)


def note_failure(email: str, method: str, address: str | None) -> None:
    """Somebody could not prove to be the person of this address, if there is one."""
    user = User.objects.filter(email=email).first()
    if user and cache.add(f"sign_in_failed:{user.pk}", method, FAILURE_EVERY_SECONDS):
        audit.note_person(user, "person.sign_in_failed", address=address, after={"method": method})


def _note(
    request: HttpRequest,
    user: User,
    action: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    address = client_address(request)
    audit.note_person(user, action, actor=user, address=address, before=before, after=after)


def _began(request: HttpRequest, **kwargs: Any) -> None:
    sessions.begin(request)


def _signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    sessions.note(request, user)
    _note(request, user, "person.signed_in", after={"method": _methods(request, user)})


def _methods(request: HttpRequest, user: User) -> str:
    """ "password, authenticator app": everything that was shown in this session so far."""
    words = []
    for record in get_authentication_records(request, user):
        if record["method"] == "mfa":
            words.append(KINDS[record["type"]])
        else:
            words.append(record.get("provider") or record["method"].replace("_", " "))
    return ", ".join(dict.fromkeys(words)) or "code by mail"


def _signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _note(request, user, "person.signed_out")


def _password_changed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """The other sessions are refused already, for they were made with the old one; now they are gone, too."""
    if request.user.is_authenticated:  # not after a reset through the mail
        sessions.note(request, user)  # whose key is another one now
    ended = sessions.end(request, user)
    _note(request, user, "person.password_changed", after={"sessions_ended": ended})


def _email_changed(
    request: HttpRequest,
    user: User,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **kwargs: Any,
) -> None:
    if from_email_address:
        before, after = {"email": from_email_address.email}, {"email": to_email_address.email}
        _note(request, user, "person.email_changed", before, after)


def _factor_added(
    request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return _codes_made(request, user)
    sessions.rotate(request)
    return _note(request, user, f"person.{_word(authenticator)}_added", after=_what(authenticator))


def _factor_removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:  # these go with the last factor
        sessions.rotate(request)
        _note(request, user, f"person.{_word(authenticator)}_removed", before=_what(authenticator))


def _codes_made(request: HttpRequest, user: User, **kwargs: Any) -> None:
    _note(request, user, "person.recovery_codes_made")


def _factor_used(
    request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        authenticator.refresh_from_db()  # it was marked in a copy
        left = len(authenticator.wrap().get_unused_codes())
        _note(request, user, "person.recovery_codes_used", after={"left": left})


def _factor_failed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    note_failure(user.email, "second factor", client_address(request))


def _word(authenticator: Authenticator) -> str:
    return "passkey" if authenticator.type == Authenticator.Type.WEBAUTHN else "second_factor"


def _what(authenticator: Authenticator) -> dict[str, str]:
    if authenticator.type == Authenticator.Type.WEBAUTHN:
        return {"name": str(authenticator.wrap().name)}
    return {"kind": KINDS[authenticator.type]}
