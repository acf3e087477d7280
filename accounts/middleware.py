"""Which organization a signed-in person is looking at."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from accounts.models import Membership

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
