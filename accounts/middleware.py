"""Which organization a signed-in person is looking at."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from accounts.models import Membership, Organization, User

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
    theirs = memberships.filter(organization_id=chosen).first() if chosen else None
    return theirs or memberships.order_by("id").first()


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
    """Whether the organization that the session names is not the person's any more; it is forgotten then."""
    chosen = request.session.get(SESSION_KEY)
    if not chosen or (membership and membership.organization_id == chosen):
        return False
    del request.session[SESSION_KEY]
    if membership:
        request.session[SESSION_KEY] = membership.organization_id
    return True
