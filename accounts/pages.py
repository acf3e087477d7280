"""What every page of the dashboard shares: whom it is for, and how a long list is cut into pieces."""

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import wraps
from typing import Concatenate, Generic, ParamSpec, TypeVar

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.dateparse import parse_date
from django_htmx.http import HttpResponseClientRefresh

from accounts import middleware, second_factor
from accounts.models import Membership

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
AT_ONCE = 500  # rows of a file that one query reads
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
MemberView = Callable[Concatenate[HttpRequest, Membership, P], HttpResponseBase]


_EVEN_WHEN_CLOSED: set[Callable[..., HttpResponseBase]] = set()


def even_when_closed(view: MemberView[P]) -> MemberView[P]:
    """The view may change something of an organization that is closed."""
    _EVEN_WHEN_CLOSED.add(view)
    return view


def for_members(view: MemberView[P]) -> View[P]:
    """The view gets the membership through which the person looks; whoever has none makes one first, and whoever
    lacks the second factor that the organization wants sets one up first.

    A part of a page that is asked for when this no longer holds, or when what it shows is gone, loads the
    whole page again: a sign-in form inside a card would help nobody. Whoever was removed from what they were
    looking at is told so, and nothing is done in another organization instead. A closed one is only read.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        is_part = bool(request.htmx)  # type: ignore[attr-defined]
        if is_part and not request.user.is_authenticated:
            return HttpResponseClientRefresh()
        try:
            answer = _answer(request, *args, **kwargs)
        except Http404:
            if is_part:
                return HttpResponseClientRefresh()
            raise
        patch_cache_control(answer, private=True, no_cache=True)
        patch_vary_headers(answer, ["HX-Request"])
        return answer

    @login_required
    def _answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        is_part = bool(request.htmx)  # type: ignore[attr-defined]
        membership: Membership | None = request.membership  # type: ignore[attr-defined]
        if middleware.was_removed(request, membership):
            messages.warning(request, "You are not a member of that organization any more.")
            return HttpResponseClientRefresh() if is_part else SeeOther(reverse("home"))
        if not membership:
            return redirect(_first_place(request))
        if second_factor.is_missing(request):
            if is_part:
                return HttpResponseClientRefresh()
            return redirect("mfa_index")
        reads = request.method in ("GET", "HEAD")
        if membership.organization.closed_at and not reads and view not in _EVEN_WHEN_CLOSED:
            return render(request, "accounts/closed.html", status=403)
        return view(request, membership, *args, **kwargs)

    return guarded


def _first_place(request: HttpRequest) -> str:
    """Of whoever belongs to no organization: our own staff has work elsewhere, others make one."""
    return "operator" if getattr(request.user, "is_staff", False) else "organization_new"


def require(answer: bool, why: str = "") -> None:
    """A question of roles.py, put to a view: no is a 403, which says `why` if that is more than the role."""
    if not answer:
        raise PermissionDenied(why)


class SeeOther(HttpResponseRedirect):
    """After a form: the browser gets what is there, and never sends the form again."""

    status_code = 303


@dataclass(frozen=True)
class Piece(Generic[M]):
    rows: list[M]
    next_cursor: str | None


def piece(
    queryset: QuerySet[M],
    cursor: str,
    *,
    limit: int,
    key: str = "id",
    read_key: Callable[[str], object] = str,
) -> Piece[M]:
    """`limit` rows after `cursor`, newest first by the unique, growing field `key`: a keyset, never OFFSET.

    Raises Http404 for a cursor that no list gave out.
    """
    if cursor:
        try:
            after = read_key(_read(cursor))
        except (ValueError, binascii.Error):
            raise Http404 from None
        queryset = queryset.filter(**{f"{key}__lt": after})
    rows = list(queryset.order_by(f"-{key}")[: limit + 1])
    if len(rows) <= limit:
        return Piece(rows, None)
    last = str(getattr(rows[limit - 1], key))
    return Piece(rows[:limit], base64.urlsafe_b64encode(last.encode()).decode())


def pieces(
    queryset: QuerySet[M], *, key: str = "id", read_key: Callable[[str], object] = str
) -> Iterator[list[M]]:
    """All rows in the order of `piece`, each list a query of its own: no cursor stays open behind a connection pool."""
    cursor: str | None = ""
    while cursor is not None:
        one = piece(queryset, cursor, limit=AT_ONCE, key=key, read_key=read_key)
        yield one.rows
        cursor = one.next_cursor


def piece_by_time(queryset: QuerySet[M], cursor: str, *, limit: int, time: str) -> Piece[M]:
    """As `piece`, the newest first by the field `time`, and by the primary key where two are of one moment."""
    if cursor:
        try:
            moment, _, after = _read(cursor).partition(" ")
            at = datetime.fromisoformat(moment)
        except (ValueError, binascii.Error):
            raise Http404 from None
        queryset = queryset.filter(Q(**{f"{time}__lt": at}) | Q(**{time: at}, pk__lt=after))
    rows = list(queryset.order_by(f"-{time}", "-pk")[: limit + 1])
    if len(rows) <= limit:
        return Piece(rows, None)
    last = rows[limit - 1]
    text = f"{getattr(last, time).isoformat()} {last.pk}"
    return Piece(rows[:limit], base64.urlsafe_b64encode(text.encode()).decode())


def _read(cursor: str) -> str:
    text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    if not text.isprintable():
        raise ValueError(text)
    return text


def midnight(text: str) -> datetime | None:
    """The beginning of a day of UTC that a filter names; None for what is no day."""
    try:
        date = parse_date(text)
    except ValueError:
        return None
    return datetime.combine(date, time(), UTC) if date else None
