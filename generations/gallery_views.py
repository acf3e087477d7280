"""The gallery: what was made, found by filters that stand in the address, and what is done with many at once."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import pages, roles
from accounts.models import Membership
from generations import archives, catalog, queue_position, selection, snippets, states
from generations.models import Generation
from generations.views import generations_of
from seedance_saas.errors import InvalidRequest

PIECE = 24
LIVE_MAX = 50
MEMBERS_SHOWN = 200
FILTERS = ("state", "model", "member", "end_user_id", "since", "until")


@require_GET
@pages.for_members
def gallery(request: HttpRequest, membership: Membership) -> HttpResponse:
    asked = {name: request.GET.get(name, "").strip() for name in FILTERS}
    found = generations_of(membership).filter(_wanted(asked))
    piece = pages.piece(found, request.GET.get("cursor", ""), limit=PIECE)
    query = request.GET.copy()
    query.pop("cursor", None)
    shown = {
        "asked": asked,
        "is_filtered": any(asked.values()),
        "piece": piece,
        "progress_of": queue_position.of_all(piece.rows),
        "is_first": "cursor" not in request.GET,
        "query": query.urlencode(),
        "states": [("", "All"), *((word, word.capitalize()) for word in states.PUBLIC)],
        "models": catalog.MODELS,
    }
    if request.htmx and "cursor" in request.GET:  # type: ignore[attr-defined]
        return render(request, "generations/gallery/piece.html", shown)
    shown |= {
        "members": _members(membership, asked["member"]),
        "demo": snippets.of(snippets.DEMO)[0],
    }
    return render(request, "generations/gallery.html", shown)


def _wanted(asked: dict[str, str]) -> Q:
    """A filter that says nothing sensible is passed over."""
    wanted = Q()
    if asked["state"] in states.PUBLIC:
        wanted &= Q(state__in=states.PUBLIC[asked["state"]])
    if model := catalog.find(asked["model"]):
        wanted &= Q(model=model.slug)
    if asked["member"]:
        wanted &= Q(member_id=asked["member"])
    if asked["end_user_id"]:
        wanted &= Q(end_user_id=asked["end_user_id"])
    if since := pages.midnight(asked["since"]):
        wanted &= Q(created_at__gte=since)
    if until := pages.midnight(asked["until"]):
        wanted &= Q(created_at__lt=until + timedelta(days=1))
    return wanted


def _members(membership: Membership, asked: str) -> QuerySet[Membership]:
    """Whom the filter offers: who belongs now, and who is asked for though they have left."""
    everybody = Membership.with_former.filter(organization=membership.organization)
    now = Q(pk__in=membership.organization.memberships.values("pk"))
    found = everybody.filter(now | Q(pk=asked)).select_related("user")
    return found.order_by("user__name", "user__email")[:MEMBERS_SHOWN]


@require_GET
@pages.for_members
def live(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The cards that the page shows as running (`seen=gen_…:state`), as they are now.

    Asked every two seconds; once none of them runs, the answer holds nothing that would ask again.
    """
    seen = dict(pair.partition(":")[::2] for pair in request.GET.getlist("seen")[:LIVE_MAX])
    asked = list(generations_of(membership).filter(pk__in=seen))
    view = request.GET.get("view", "")
    shown = {
        "shown": asked,
        "progress_of": queue_position.of_all(asked),
        "running": [one for one in asked if not one.is_final],
        "news": [one for one in asked if one.state != seen[one.pk]],
        "view": view if view in {"line", "pick", "bare"} else "card",
        "is_picked": view == "pick",
        "is_bare": view == "bare",
    }
    return render(request, "generations/live.html", shown)


# -- many at once -----------------------------------------------------------------------------------


@require_POST
@pages.for_members
def download(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    """POST /gallery/download: the videos of `chosen` as one ZIP. What has none is left out."""
    try:
        members = selection.members(
            selection.of(membership.organization, request.POST.getlist("chosen"))
        )
    except InvalidRequest as refusal:
        return _refuse(request, refusal)
    answer = StreamingHttpResponse(archives.stream(members), content_type="application/zip")
    name = f"videos-{timezone.now():%Y-%m-%d}-{len(members)}.zip"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
@pages.for_members
def delete(request: HttpRequest, membership: Membership) -> HttpResponse:
    """POST /gallery/delete: says in numbers what would be erased of `chosen`, and does it with `sure=yes`."""
    pages.require(roles.can_spend(membership))
    try:
        chosen = selection.of(membership.organization, request.POST.getlist("chosen"))
    except InvalidRequest as refusal:
        return _refuse(request, refusal)
    if request.POST.get("sure") != "yes":
        return render(request, "generations/gallery/delete.html", _numbers(request, chosen))
    erased = selection.erase(chosen)
    stay = f" {erased.running} still run and stay." if erased.running else ""
    messages.success(request, f"{erased.gone} erased. Their receipts stay.{stay}")
    return pages.SeeOther(_back(request))


def _numbers(request: HttpRequest, chosen: QuerySet[Generation]) -> dict[str, Any]:
    rows = list(chosen)
    going = [one for one in rows if one.is_final]
    return {
        "going": going,
        "running": len(rows) - len(going),
        "videos": sum(bool(one.video_file) for one in going),
        "bytes": sum(one.video_bytes or 0 for one in going if one.video_file),
        "charged_microusd": sum(one.charged_microusd or 0 for one in going),
        "query": _query(request),
        "back": _back(request),
    }


def _refuse(request: HttpRequest, refusal: InvalidRequest) -> HttpResponse:
    context = {"refusal": refusal, "back": _back(request)}
    return render(request, "generations/gallery/refused.html", context, status=refusal.status)


def _query(request: HttpRequest) -> str:
    """The filter that the page was under, read again so that it is a query and nothing else."""
    return QueryDict(request.POST.get("query", "")).urlencode()


def _back(request: HttpRequest) -> str:
    query = _query(request)
    return f"{reverse('gallery')}{'?' if query else ''}{query}"
