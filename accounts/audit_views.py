"""The page of the audit trail, and its export: parse, call, render. It is only ever read."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import audit_actions, pages, roles
from accounts.models import ApiKey, AuditEntry, Membership
from seedance_saas import csv_files
from seedance_saas.api import moment

PIECE = 50
OURS = "our staff"
SYSTEM = "the system"
UNKNOWN = "somebody who did not prove who they are"
COLUMNS = (
    "id",
    "at",
    "action",
    "target",
    "actor",
    "api_key",
    "address",
    "before",
    "after",
)


@require_GET
@pages.for_members
def audit_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Who did what, from where, and what it was before: newest first, as the filter in the address says."""
    pages.require(roles.can_see_audit(membership))
    asked, entries = _asked(request, membership)
    piece = pages.piece(entries, request.GET.get("cursor", ""), limit=PIECE)
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "asked": asked,
        "is_filtered": any(asked.values()),
        "is_first": "cursor" not in request.GET,
        "piece": piece,
        "rows": list(_rows(membership, piece.rows)),
        "query": query.urlencode(),
        "actions": sorted(audit_actions.ACTIONS.items(), key=lambda pair: pair[1]),
    }
    more = request.htmx and "cursor" in request.GET  # type: ignore[attr-defined]
    template = "accounts/audit/piece.html" if more else "accounts/audit.html"
    return render(request, template, context)


@require_GET
@pages.for_members
def audit_csv(request: HttpRequest, membership: Membership) -> StreamingHttpResponse:
    """Every entry that the filter in the address finds, streamed. Nothing in it is a formula."""
    pages.require(roles.can_see_audit(membership))
    _, entries = _asked(request, membership)
    name = f"audit-{timezone.now():%Y-%m-%d}.csv"
    return csv_files.answer(name, COLUMNS, _lines(membership, entries))


def _lines(membership: Membership, entries: QuerySet[AuditEntry]) -> Iterator[dict[str, Any]]:
    for piece in pages.pieces(entries):
        for row in _rows(membership, piece):
            entry: AuditEntry = row["entry"]
            yield {
                "id": entry.id,
                "at": moment(entry.created_at),
                "action": entry.action,
                "target": entry.target,
                "actor": row["who"],
                "api_key": entry.api_key_id or "",
                "address": entry.address or "",
                "before": json.dumps(entry.before, ensure_ascii=False),
                "after": json.dumps(entry.after, ensure_ascii=False),
            }


def _asked(
    request: HttpRequest, membership: Membership
) -> tuple[dict[str, str], QuerySet[AuditEntry]]:
    """The filter in the address and what it finds. An action or a day that is none is passed over."""
    asked = {
        name: request.GET.get(name, "").strip()
        for name in ("action", "actor", "key", "target", "since", "until")
    }
    wanted = Q(organization=membership.organization)
    if asked["action"]:
        wanted &= Q(action=asked["action"])
    if asked["actor"] == SYSTEM:
        wanted &= Q(actor=None, api_key=None)
    elif asked["actor"]:
        # By the memberships, so that nobody asks here whether a stranger, or one of our staff, has an account.
        people = Membership.with_former.filter(organization=membership.organization).filter(
            Q(user_id=asked["actor"]) | Q(user__email=asked["actor"].lower())
        )
        wanted &= Q(actor__in=people.values("user_id"))
    if asked["key"]:
        wanted &= Q(api_key_id=asked["key"]) | Q(target=asked["key"])
    if asked["target"]:
        wanted &= Q(target=asked["target"])
    if since := pages.midnight(asked["since"]):
        wanted &= Q(created_at__gte=since)
    if until := pages.midnight(asked["until"]):
        wanted &= Q(created_at__lt=until + timedelta(days=1))
    return asked, AuditEntry.objects.filter(wanted).select_related("actor", "api_key")


def _rows(membership: Membership, entries: Iterable[AuditEntry]) -> Iterator[dict[str, Any]]:
    """The entries in words: two queries for the names of those who act and of what is acted upon."""
    entries = list(entries)
    named = {
        value
        for entry in entries
        for value in (entry.target, *entry.before.values(), *entry.after.values())
        if isinstance(value, str) and value.startswith(("key_", "mem_", "usr_"))
    }
    names = _names(membership, named)
    actors = {entry.actor_id for entry in entries}
    belong = Membership.with_former.filter(
        Q(user_id__in=actors | named) | Q(pk__in=named), organization=membership.organization
    ).select_related("user")
    names[membership.organization.pk] = str(membership.organization)
    known = set()
    for one in belong:
        known.add(one.user_id)
        names[one.pk] = names[one.user_id] = str(one.user)
    for entry in entries:
        is_ours = entry.actor_id is not None and entry.actor_id not in known
        yield {
            "entry": entry,
            "words": audit_actions.words(entry.action),
            "who": _who(entry, is_ours=is_ours),
            "is_person": entry.actor_id is not None and not is_ours,
            "name": names.get(entry.target, ""),
            "changes": list(_changes(entry, names)),
        }


def _names(membership: Membership, ids: set[str]) -> dict[str, str]:
    keys = [id for id in ids if id.startswith("key_")]
    if not keys:
        return {}
    found = ApiKey.objects.filter(organization=membership.organization, pk__in=keys)
    return dict(found.values_list("id", "name"))


def _who(entry: AuditEntry, *, is_ours: bool) -> str:
    """People of ours are not named to customers."""
    if is_ours:
        return OURS
    if entry.actor:
        return entry.actor.email
    if entry.api_key:
        return str(entry.api_key)
    return UNKNOWN if entry.action == "person.sign_in_failed" else SYSTEM


def _changes(entry: AuditEntry, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Field by field, what differs. A field that one side lacks came, or went."""
    for field in dict.fromkeys((*entry.before, *entry.after)):
        before, after = entry.before.get(field), entry.after.get(field)
        if field in entry.before and before == after:
            continue
        yield {
            "field": _field(field),
            "before": _said(field, before, names) if field in entry.before else "",
            "after": _said(field, after, names) if field in entry.after else "",
            "was_there": field in entry.before,
            "is_there": field in entry.after,
        }


def _field(field: str) -> str:
    return field.removesuffix("_usd").replace("_", " ")


def _said(field: str, value: Any, names: dict[str, str]) -> str:
    if value in (None, "", []):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    if field == "subject" and text == "*":  # of a budget: each without one of its own
        return "each"
    if field.endswith("_usd"):
        return f"${text}"
    return names.get(text, text)
