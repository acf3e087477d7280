"""What every page's frame needs: the organization, the ones to switch to, the places, the theme."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from accounts import middleware, roles, second_factor
from accounts.models import Membership, Organization

THEMES = ("light", "dark", "system")


@dataclass(frozen=True)
class Place:
    """An entry of the navigation. It is shown once its address exists, to those who may go there."""

    name: str
    label: str
    icon: str
    allowed: Callable[[Membership], bool] = lambda membership: True

    @property
    def url(self) -> str | None:
        try:
            return reverse(self.name)
        except NoReverseMatch:
            return None


MAIN = (
    Place("home", "Home", "home"),
    Place("create", "Create", "create"),
    Place("gallery", "Gallery", "gallery"),
    Place("usage", "Usage", "usage", roles.can_see_ledger),
)
MORE = (
    Place("billing", "Billing", "billing", roles.can_see_ledger),
    Place("budgets", "Budgets", "budget", roles.can_see_ledger),
    Place("members", "Members", "members", roles.can_manage_members),
    Place("end_users", "End users", "people", roles.can_see_ledger),
    Place("keys", "Keys", "key", roles.can_manage_keys),
    Place("webhooks", "Webhooks", "hook", roles.can_manage_keys),
    Place("audit", "Audit", "audit", roles.can_see_audit),
    Place("settings", "Settings", "settings", roles.can_manage_settings),
)


def places_for(membership: Membership) -> list[Place]:
    """Where this member may go, of what exists."""
    return _shown((*MAIN, *MORE), membership)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Reads the database only if a template asks for what is in it."""
    membership: Membership | None = SimpleLazyObject(partial(_membership, request))  # type: ignore[assignment]
    return {
        "membership": membership,
        "look": getattr(request, "look", None),
        "second_factor_is_missing": SimpleLazyObject(partial(second_factor.is_missing, request)),
        "organizations": SimpleLazyObject(partial(_organizations, request)),
        "places_main": SimpleLazyObject(partial(_shown, MAIN, membership)),
        "places_more": SimpleLazyObject(partial(_shown, MORE, membership)),
        "can_spend": SimpleLazyObject(lambda: bool(membership and roles.can_spend(membership))),
        "can_make": SimpleLazyObject(lambda: bool(membership and _can_make(membership))),
        "can_manage_keys": SimpleLazyObject(
            lambda: bool(membership and roles.can_manage_keys(membership))
        ),
        "can_see_ledger": SimpleLazyObject(
            lambda: bool(membership and roles.can_see_ledger(membership))
        ),
        "SIGN_IN_WITH": settings.SIGN_IN_WITH.apps,
        "theme": theme_of(request),
        "section": _section(request),
    }


def _can_make(membership: Membership) -> bool:
    """Something new, now: not where the organization is closed or suspended."""
    organization = membership.organization
    is_stopped = organization.closed_at or organization.suspended_at
    return roles.can_spend(membership) and not is_stopped


def theme_of(request: HttpRequest) -> str:
    theme = request.COOKIES.get("theme", "")
    return theme if theme in THEMES else "system"


def _section(request: HttpRequest) -> str:
    """The place of the navigation that the page belongs to."""
    name = request.resolver_match.url_name if request.resolver_match else None
    of_others = {
        "create_quote_bind": "create",
        **dict.fromkeys(("generation", "gallery_delete", "gallery_download"), "gallery"),
        **dict.fromkeys(("budget_edit", "budget_terms"), "budgets"),
        **dict.fromkeys(("buy", "purchases", "purchase", "auto_top_up"), "billing"),
        **dict.fromkeys(("stripe_portal", "invoices", "invoice"), "billing"),
        "end_user_forget": "end_users",
        **dict.fromkeys(("invite", "member", "member_remove", "member_transfer"), "members"),
        "organization_close": "settings",
        **dict.fromkeys(("key", "key_new", "key_edit", "key_rotate", "key_revoke"), "keys"),
    }
    if name and name.startswith("webhook_"):
        return "webhooks"
    return of_others.get(name or "", name or "")


def _membership(request: HttpRequest) -> Membership | None:
    """The one in view; none while its organization waits for a second factor, for nothing of it is shown then."""
    membership: Membership | None = getattr(request, "membership", None)
    return membership if membership and not second_factor.is_missing(request) else None


def _organizations(request: HttpRequest) -> list[Organization]:
    theirs = middleware.memberships_of(request)
    return sorted((one.organization for one in theirs), key=lambda one: (one.name, one.pk))


def _shown(places: tuple[Place, ...], membership: Membership | None) -> list[Place]:
    return [place for place in places if membership and place.url and place.allowed(membership)]
