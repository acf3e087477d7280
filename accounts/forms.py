"""allauth's forms, where they would tell who has an account by what they do or how long it takes."""

import secrets
from datetime import timedelta
from typing import Any

from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts import mails, people
from accounts.models import User

RESET_WITHIN = timedelta(hours=1)  # who waits longer for the link asks for another


class SignupForm(AllauthSignupForm):  # type: ignore[misc]  # allauth ships no types
    """For an address that has an account the same work is done, and thrown away."""

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        if self.account_already_exists:
            with transaction.atomic():
                nobody = f"{secrets.token_hex(16)}@invalid"
                made = User.objects.create_user(nobody, self.cleaned_data["password1"])
                people.confirm_address(made)
                transaction.set_rollback(True)
        found: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return found


class ResetPasswordForm(AllauthResetPasswordForm):  # type: ignore[misc]  # allauth ships no types
    """Looks nothing up: whether there is somebody to write to is found out when the mail is composed."""

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        mails.owe("accounts.people.reset_mail", email, within=RESET_WITHIN)
        return email


class NameForm(forms.Form):
    name = forms.CharField(label="Name", max_length=100, required=False)
