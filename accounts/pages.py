"""What every page of the dashboard shares: whom it is for, and how a long list is cut into pieces."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, Generic, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from accounts.models import Membership

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
MemberView = Callable[Concatenate[HttpRequest, Membership, P], HttpResponseBase]


def for_members(view: MemberView[P]) -> View[P]:
    """The view gets the membership through which the person looks; whoever has none makes one first."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        _refuse_unstorable(request)
        membership: Membership | None = request.membership  # type: ignore[attr-defined]
        if not membership:
            return redirect("organization_new")
        return view(request, membership, *args, **kwargs)

    return login_required(guarded)


def _refuse_unstorable(request: HttpRequest) -> None:
    """PostgreSQL has no U+0000 in texts, so nothing can be found under one."""
    sent = [request.path]
    for _, values in (*request.GET.lists(), *request.POST.lists()):
        sent += values
    if any("\x00" in text for text in sent):
        raise Http404


def require(answer: bool) -> None:
    """A question of roles.py, put to a view: no is a 403."""
    if not answer:
        raise PermissionDenied


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


def _read(cursor: str) -> str:
    text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    if not text.isprintable():
        raise ValueError(text)
    return text
