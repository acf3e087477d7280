"""allauth, where our people differ from its defaults."""

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import account_mails, guessing, known_browsers, middleware, secrets_at_rest, sessions
from accounts.models import User
from seedance_saas import queue
from seedance_saas.requests import client_address

# Within this time after a sign-in nobody is asked again who they are.
FRESH_SECONDS = 300


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """One address a person, passwords looked at in constant work, mails from the queue.

    Whoever signs in looks at one organization from that moment on.
    """

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The address or the password is wrong.",
        "incorrect_code": "This code is wrong, or it was used before.",
        "incorrect_password": "This password is wrong.",
        "too_many_login_attempts": "Too many wrong codes. Wait five minutes, then try again.",
        "rate_limited": "A code was sent just now. Wait a moment before you ask for another.",
        "enter_current_password": "This is not the password of today.",
    }

    def populate_username(self, request: object, user: object) -> None:
        """Our users have no user name."""

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or "0.0.0.0"  # noqa: S104 (nobody listens: a peer without a name)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Whose address and password these are, or None. Counted before it is looked at.

        The work is the same whoever asks: one look, one hash, and for what failed one task.
        """
        email = str(credentials.get("email", "")).strip().lower()
        usage = guessing.count(request, email)
        user = User.objects.filter(email=email).first()
        password = str(credentials.get("password", ""))
        if user is None:
            User().set_password(password)  # as slow as a password that is wrong
        if user is None or not user.check_password(password):
            address = client_address(request) or ""
            queue.enqueue("accounts.tasks.note_failed_sign_in", email, address)
            return None
        usage.rollback()
        user.backend = settings.AUTHENTICATION_BACKENDS[0]
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not of somebody who has just signed in: they said a moment ago who they are."""
        signed_in_at = context.request.session.get(sessions.SIGNED_IN_AT, 0)
        if time.time() - signed_in_at < FRESH_SECONDS:
            return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        middleware.choose_first(request, user)

    def unstash_verified_email(self, request: HttpRequest) -> str | None:
        """The address that an invitation proved, if it is the one that signs up now: nobody else's account gets it."""
        proved: str | None = super().unstash_verified_email(request)
        typed = request.POST.get("email", "").strip().lower()
        return proved if proved and proved.lower() == typed else None

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().post_login(request, user, **kwargs)
        known_browsers.remember(request, response, user.email)
        return response

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """From the queue: a mail server that is slow, or down, shows in no answer of ours."""
        account_mails.send_later(template_prefix.rpartition("/")[2], email, context)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """allauth calls this when a password was reset."""
        guessing.forget_strangers(request, credentials["email"])


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Takes over a person's name, which others keep in two fields."""

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        parts = (data.get("first_name"), data.get("last_name"))
        user.name = (data.get("name") or " ".join(filter(None, parts)))[:100]
        return user


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Secrets of authenticator apps and recovery codes lie encrypted in the database."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is wrong, or it was used before.",
    }

    def generate_authenticator_name(self, user: User, type: Any) -> str:
        """What a passkey is called unless its owner says otherwise: where it was made."""
        return sessions.software(context.request.headers.get("User-Agent", ""))

    def encrypt(self, text: str) -> str:
        return secrets_at_rest.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secrets_at_rest.decrypt(encrypted_text)
