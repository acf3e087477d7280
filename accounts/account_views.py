"""A person's own account: what allauth has no page for, or one that does not fit us."""

from typing import cast

from allauth.account.views import PasswordResetFromKeyView as AllauthPasswordResetFromKeyView
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import audit, known_browsers, pages, people, sessions
from accounts.forms import NameForm
from accounts.models import User
from seedance_saas.requests import client_address


@require_http_methods(["GET", "POST"])
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Name, and where everything else about oneself is."""
    user = cast(User, request.user)
    form = NameForm(request.POST or None, initial={"name": user.name})
    if form.is_valid():
        people.rename(user, form.cleaned_data["name"])
        messages.success(request, "Your name is saved.")
        return pages.SeeOther(reverse("account"))
    factors = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    return render(
        request,
        "account/account.html",
        {
            "form": form,
            "has_app": Authenticator.Type.TOTP in factors,
            "has_passkey": Authenticator.Type.WEBAUTHN in factors,
            "connected": SocialAccount.objects.filter(user=user).count(),
        },
        status=400 if form.is_bound else 200,
    )


@require_http_methods(["GET", "POST"])
@login_required
def list_sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in; a POST ends the others, or the one that it names."""
    user = cast(User, request.user)
    if request.method != "POST":
        return render(
            request,
            "usersessions/usersession_list.html",
            {"browsers": sessions.living(request, user)},
        )
    only = request.POST.get("session")
    if only is not None and not _is_id(only):
        raise Http404
    ended = sessions.end(request, user, only=int(only) if only else None)
    if ended:
        audit.note_person(
            user, "person.sessions_ended",
            actor=user, address=client_address(request), after={"sessions_ended": ended},
        )  # fmt: skip
    messages.success(request, _said(ended))
    return pages.SeeOther(reverse("usersessions_list"))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _said(ended: int) -> str:
    if not ended:
        return "There was no other session."
    return "That session was ended." if ended == 1 else f"{ended} sessions were ended."


class PasswordResetFromKeyView(AllauthPasswordResetFromKeyView):  # type: ignore[misc]  # no types
    """Whoever came through the mail is no stranger: this browser is known from now on (guessing.py)."""

    def form_valid(self, form: forms.Form) -> HttpResponseBase:
        response: HttpResponseBase = super().form_valid(form)
        known_browsers.remember(self.request, response, self.reset_user.email)
        return response


password_reset_from_key = PasswordResetFromKeyView.as_view()
