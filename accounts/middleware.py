"""Which organization a signed-in person is looking at, whether they only look; and when the other side of a sign-in
is down."""

import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from requests import RequestException

from accounts import looking
from accounts.models import Look, Membership, Organization, User
from seedance_saas import errors

logger = logging.getLogger(__name__)

SESSION_KEY = "organization_id"
LOOK_ENDS_HERE = "operator_look_end"
# Pages of the person's own account hold secrets of theirs, and so may any that is named for it.
OF_ONE_PERSON = ("account", "mfa_", "socialaccount_", "usersessions_")


class OrganizationMiddleware:
    """`request.membership`: the chosen membership of the signed-in person, or None. `request.look`: the look of
    our staff that is under way, or None. Read on first use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.look = SimpleLazyObject(lambda: looking.of(request))  # type: ignore[attr-defined]
        request.membership = SimpleLazyObject(lambda: membership_of(request))  # type: ignore[attr-defined]
        return self.get_response(request)


class LookingMiddleware:
    """Who looks at an organization changes nothing, anywhere, and sees no secret: 403, in words.

    A form that is sent after the look has ended would reach the person's own organization: it is refused, too,
    once, and the marker goes.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: Any
    ) -> HttpResponseBase | None:
        if not looking.is_marked(request):
            return None
        name = (request.resolver_match and request.resolver_match.url_name) or ""
        if name == LOOK_ENDS_HERE:
            return None
        look: Look | None = request.look  # type: ignore[attr-defined]
        if not look:
            del request.session[looking.SESSION_KEY]
        changes = request.method not in ("GET", "HEAD")
        shows_secret = bool(look) and (name.startswith(OF_ONE_PERSON) or "secret" in name)
        return _refused(request, look) if changes or shows_secret else None


def _refused(request: HttpRequest, look: Look | None) -> HttpResponseBase:
    if errors.is_for_programs(request):
        refusal = errors.Forbidden("Our staff looks at an organization: nothing can be changed.")
        return JsonResponse(errors.as_dict(refusal, request), status=refusal.status)
    return render(request, "errors/looking.html", {"ended": not look}, status=403)


def membership_of(request: HttpRequest) -> Membership | None:
    """The one the session names, if it is still theirs, else their oldest; for staff that looks, an owner's."""
    if not request.user.is_authenticated:
        return None
    if look := request.look:  # type: ignore[attr-defined]
        return looking.membership(look)
    memberships = memberships_of(request)
    chosen = request.session.get(SESSION_KEY)
    theirs = [one for one in memberships if one.organization_id == chosen]
    return next(iter(theirs or memberships), None)


def memberships_of(request: HttpRequest) -> list[Membership]:
    """All of the person's own, the oldest first. Read once for a request."""
    known: list[Membership] | None = getattr(request, "memberships", None)
    if known is None:
        rows = Membership.objects.filter(user_id=request.user.pk)
        known = list(rows.select_related("organization", "user").order_by("id"))
        request.memberships = known  # type: ignore[attr-defined]
    return known


def choose(request: HttpRequest, organization: Organization) -> None:
    """Look at this one from now on."""
    request.session[SESSION_KEY] = organization.pk


def choose_first(request: HttpRequest, user: User) -> None:
    """Whoever signs in, or leaves, looks at their oldest one. It is noted, so that a removal from it is noticed."""
    request.session.pop(SESSION_KEY, None)
    first = Membership.objects.filter(user=user).order_by("id").first()
    if first:
        request.session[SESSION_KEY] = first.organization_id


def was_removed(request: HttpRequest, membership: Membership | None) -> bool:
    """Whether the organization that the session names is not the person's any more; it is forgotten then.

    Not while our staff looks at another one: the session is about where the person belongs.
    """
    if request.look:  # type: ignore[attr-defined]
        return False
    chosen = request.session.get(SESSION_KEY)
    if not chosen or (membership and membership.organization_id == chosen):
        return False
    del request.session[SESSION_KEY]
    if membership:
        request.session[SESSION_KEY] = membership.organization_id
    return True


class OtherSideMiddleware:
    """Google, GitHub and the like may be down: a person reads that, and may use the password, instead of a 500.

    Only allauth speaks with this library; what we call ourselves goes through seedance_saas.http.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, RequestException):
            return None
        logger.warning("sign_in.other_side_is_down path=%s error=%r", request.path, exception)
        return render(request, "socialaccount/authentication_error.html", status=503)
