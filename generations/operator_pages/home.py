"""The operator's first page of the day, and the way to whatever an operator holds in the hand."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from accounts import alarms
from accounts.models import User
from billing.operator_pages import organizations, staff, waiting
from generations.operator_pages import today
from seedance_saas import health
from seedance_saas.errors import Refusal

# Ids, by how they begin: the page of the thing, or its record.
PAGES = {
    "org": "operator_organization",
    "gen": "operator_generation",
    "pur": "operator_purchase",
    "key": "operator_key",
}
RECORDS = {
    "usr": "accounts_user",
    "mem": "accounts_membership",
    "aud": "accounts_auditentry",
    "evt": "accounts_event",
    "dlv": "accounts_delivery",
    "whe": "accounts_webhookendpoint",
    "att": "generations_attempt",
    "grt": "billing_grant",
    "hld": "billing_hold",
    "trf": "billing_transfer",
    "rev": "billing_reversal",
    "look": "accounts_look",
}
# What Stripe calls a payment, a page of its own, a refund, a dispute.
STRIPES = ("pi", "cs", "re", "pyr", "dp", "du")
OURS = re.compile(r"[a-z]+_[0-9a-f]{32}")  # Stripe has events, too


@staff.for_staff
@require_GET
def home_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}"""
    now = timezone.now()
    margins = today.margins(now)
    stuck = today.not_moving(now)
    context = {
        "margins": margins,
        "total": today.total(margins),
        "health": today.health(now),
        "stuck": stuck[: today.SHOWN],
        "is_more": len(stuck) > today.SHOWN,
        "problems": health.who_is_silent(),  # for without a clock nobody writes down an alarm
        "lately": now - alarms.LASTS,
        "alarms": alarms.now_open().order_by("began_at")[: today.SHOWN],
        "waiting": waiting.found(),
        "now": now,
    }
    return staff.page(request, "operator", "home.html", context)


@staff.for_staff
@require_GET
def find(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/find?q=: an id of any kind, an organization's name, a person's address, or part of a name."""
    asked = request.GET.get("q", "").strip()[:200]
    kind = asked.partition("_")[0]
    if not re.fullmatch(r"\w+", asked):
        kind = ""  # whatever it begins with, it is no id
    if kind in STRIPES or (kind == "evt" and not OURS.fullmatch(asked)):
        where = "operator_events" if kind == "evt" else "operator_purchases"
        return redirect(f"{reverse(where)}?{urlencode({'id': asked})}")
    if kind in PAGES:
        return redirect(PAGES[kind], asked)
    if kind in RECORDS:
        return redirect(f"admin:{RECORDS[kind]}_change", asked)
    query = urlencode({"q": asked})
    if "@" in asked:
        return redirect(f"{reverse('admin:accounts_user_changelist')}?{query}")
    try:
        return redirect("operator_organization", organizations.find(asked).pk)
    except Refusal:
        return redirect(f"{reverse('admin:accounts_organization_changelist')}?{query}")
