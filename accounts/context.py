"""What every page's frame needs: the organization, the ones to switch to, the places, the theme."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from accounts import roles
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
    membership: Membership | None = getattr(request, "membership", None)
    return {
        "membership": membership,
        "organizations": SimpleLazyObject(partial(_organizations, request)),
        "places_main": SimpleLazyObject(partial(_shown, MAIN, membership)),
        "places_more": SimpleLazyObject(partial(_shown, MORE, membership)),
        "can_spend": SimpleLazyObject(lambda: bool(membership and roles.can_spend(membership))),
        "can_see_ledger": SimpleLazyObject(
            lambda: bool(membership and roles.can_see_ledger(membership))
        ),
        "theme": theme_of(request),
        "section": _section(request),
    }


def theme_of(request: HttpRequest) -> str:
    theme = request.COOKIES.get("theme", "")
    return theme if theme in THEMES else "system"


def _section(request: HttpRequest) -> str:
    """The place of the navigation that the page belongs to."""
    name = request.resolver_match.url_name if request.resolver_match else None
    of_others = {
        "create_quote_bind": "create",
        **dict.fromkeys(("generation", "gallery_delete", "gallery_download"), "gallery"),
        "budget_edit": "budgets",
        **dict.fromkeys(("buy", "purchases", "purchase", "auto_top_up"), "billing"),
        **dict.fromkeys(("stripe_portal", "invoices", "invoice"), "billing"),
        "end_user_forget": "end_users",
    }
    return of_others.get(name or "", name or "")


def _organizations(request: HttpRequest) -> list[Organization]:
    return list(Organization.objects.filter(memberships__user_id=request.user.pk).order_by("name"))


def _shown(places: tuple[Place, ...], membership: Membership | None) -> list[Place]:
    return [place for place in places if membership and place.url and place.allowed(membership)]
