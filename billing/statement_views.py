"""The page of statements: every closed day to take away, and a form that verifies a file."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts import pages, roles
from accounts.models import Membership
from billing import statement_files, statements
from billing.models import Statement

PIECE = 31
FILE_BYTES_MAX = 100_000_000


@dataclass(frozen=True)
class Verdict:
    is_good: bool
    words: str


@require_http_methods(["GET", "POST"])
@pages.for_members
def statements_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    pages.require(roles.can_see_ledger(membership))
    closed = Statement.objects.filter(organization=membership.organization)
    piece = pages.piece(
        closed, request.GET.get("cursor", ""), limit=PIECE, key="first_number", read_key=int
    )
    verdict = _verify(request, membership) if request.method == "POST" else None
    context = {
        "piece": piece,
        "is_first": "cursor" not in request.GET,
        "verdict": verdict,
    }
    status = 422 if verdict and not verdict.is_good else 200
    return render(request, "billing/statements.html", context, status=status)


@require_GET
@pages.for_members
def statement_file(request: HttpRequest, membership: Membership, id: str) -> StreamingHttpResponse:
    pages.require(roles.can_see_ledger(membership))
    closed = Statement.objects.filter(organization=membership.organization)
    return as_file(get_object_or_404(closed, pk=id))


def as_file(statement: Statement) -> StreamingHttpResponse:
    """The statement as a download, sent line by line."""
    answer = StreamingHttpResponse(
        statements.lines(statement), content_type="application/x-ndjson; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="{statements.file_name(statement)}"'
    return answer


def _verify(request: HttpRequest, membership: Membership) -> Verdict:
    """By the file alone first, and then whether it is the one that we closed."""
    file = request.FILES.get("file")
    if file is None:
        return Verdict(False, "Choose a statement's file first.")
    if (file.size or 0) > FILE_BYTES_MAX:
        return Verdict(False, f"The file is larger than {FILE_BYTES_MAX:,} bytes.")
    try:
        read = statement_files.verify(statement_files.bounded(file))
    except statement_files.BadStatement as problem:
        return Verdict(False, f"This file was changed or is not a statement; {problem}.")
    ours = Statement.objects.filter(organization=membership.organization, hash=read.hash)
    if not ours.exists():
        return Verdict(False, "The file adds up, and it is not a statement of this organization.")
    return Verdict(
        True,
        f"Transfers {read.first_number} to {read.last_number} of {read.day} are as they were written.",
    )
