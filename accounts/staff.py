"""Our own staff: who they are, and what a page of theirs asks of them first."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accounts import audit, looking, second_factor, sessions
from accounts.models import Look, User
from accounts.pages import View

P = ParamSpec("P")
StaffView = Callable[Concatenate[HttpRequest, User, P], HttpResponseBase]

RECENT_SECONDS = 3600  # for what moves money
SHIFT_SECONDS = 12 * 3600  # for all else
SET_UP = "mfa_activate_totp"


def is_staff(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated and request.user.is_active and request.user.is_staff)


@transaction.atomic
def admit(user: User, *, by: User, reason: str) -> bool:
    """The console is open to them, once they have a second factor. A repeat changes nothing: False."""
    admitted = User.objects.filter(pk=user.pk, is_staff=False).update(is_staff=True)
    if admitted:
        audit.note(None, "staff.admitted", user.pk, actor=by, after={"reason": reason})
    return bool(admitted)


@transaction.atomic
def dismiss(user: User, *, by: User, reason: str) -> bool:
    """The console does not exist for them from the next request on: every session ends, and any look.

    What they are in organizations of their own stays. A repeat changes nothing: False.
    """
    dismissed = User.objects.filter(pk=user.pk, is_staff=True).update(
        is_staff=False, is_superuser=False
    )
    if dismissed:
        for look in Look.objects.filter(staff=user, ended_at=None).select_related("organization"):
            looking.end(look, by=by)
        ended = sessions.end_all(user)
        audit.note(
            None, "staff.dismissed", user.pk,
            actor=by, after={"reason": reason, "sessions_ended": ended},
        )  # fmt: skip
    return bool(dismissed)


def for_staff(view: StaffView[P]) -> View[P]:
    """The view gets whoever of our staff looks. Everybody else finds nothing, with any method and any token:
    so the token of a form is asked for only afterwards, and 405 is said to staff alone. Staff without a second
    factor is led to set one up, and who has not shown for a working day who they are does it first: a browser
    that stays signed in for weeks is enough for a member, and not for the console.

    Who looks at an organization is not asked: that ends within the half hour, and must be possible to end."""

    @csrf_protect
    def protected(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        assert isinstance(request.user, User)
        # After the token: what is sent now goes on once the password was given.
        if not looking.is_marked(request) and not _was_recent(request, SHIFT_SECONDS):
            raise ReauthenticationRequired
        return view(request, request.user, *args, **kwargs)

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not is_staff(request):
            raise Http404
        assert isinstance(request.user, User)
        if not second_factor.has_one(request.user):
            messages.info(request, "Our staff signs in with a second factor. Set one up to go on.")
            return redirect(SET_UP)
        answer = protected(request, *args, **kwargs)
        patch_cache_control(answer, private=True, no_cache=True)
        return answer

    return guarded


def moves_money(view: StaffView[P]) -> View[P]:
    """As `for_staff`, for a page whose form moves money: who has not shown within the hour who they are does it
    first, and what they sent goes on from there."""

    @wraps(view)
    def recently(
        request: HttpRequest, actor: User, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        if request.method == "POST" and not _was_recent(request, RECENT_SECONDS):
            raise ReauthenticationRequired
        return view(request, actor, *args, **kwargs)

    return for_staff(recently)


def _was_recent(request: HttpRequest, seconds: int) -> bool:
    """Whether the person at this browser has shown in that time who they are."""
    shown = [record["at"] for record in get_authentication_records(request, request.user)]
    return bool(shown) and time.time() - max(shown) < seconds
