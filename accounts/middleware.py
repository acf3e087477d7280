"""Which organization a signed-in person is looking at; and when the other side of a sign-in is down."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from requests import RequestException

from accounts.models import Membership

logger = logging.getLogger(__name__)

SESSION_KEY = "organization_id"


class OrganizationMiddleware:
    """`request.membership`: the chosen membership of the signed-in person, or None. Read on first use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.membership = SimpleLazyObject(lambda: membership_of(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def membership_of(request: HttpRequest) -> Membership | None:
    """The one the session names, if it is still theirs, else their oldest."""
    if not request.user.is_authenticated:
        return None
    memberships = Membership.objects.filter(user=request.user).select_related(
        "organization", "user"
    )
    chosen = request.session.get(SESSION_KEY)
    found = memberships.filter(organization_id=chosen).first() if chosen else None
    return found or memberships.order_by("id").first()


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
