"""The pages of invoices: parse, call, render."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts import pages, roles
from accounts.models import Membership
from billing import invoice_appendix, invoice_files
from billing.models import Invoice

PIECE, END_USERS_SHOWN = 24, 100


def invoices_of(membership: Membership) -> QuerySet[Invoice]:
    return Invoice.objects.filter(organization=membership.organization)


@require_GET
@pages.for_members
def invoices_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    pages.require(roles.can_see_ledger(membership))
    context = {
        "piece": pages.piece(invoices_of(membership), request.GET.get("cursor", ""), limit=PIECE),
        "is_first": "cursor" not in request.GET,
    }
    more = request.htmx and "cursor" in request.GET  # type: ignore[attr-defined]
    template = "billing/invoices/piece.html" if more else "billing/invoices.html"
    return render(request, template, context)


@require_GET
@pages.for_members
def invoice_page(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    """The invoice in numbers, and what it is for, end user by end user."""
    pages.require(roles.can_see_ledger(membership))
    invoice = get_object_or_404(invoices_of(membership), pk=id)
    appendix = invoice_appendix.read(invoice, limit=END_USERS_SHOWN)
    context = {
        "invoice": invoice,
        "appendix": appendix,
        "has_credits": bool(appendix.total.given_back_microusd),
        "tax_cents": invoice.total_cents - invoice.amount_cents,
        # What else stands on it at Stripe: nothing, unless somebody added a line there by hand.
        "other_cents": invoice.amount_cents - appendix.rounded_cents,
    }
    return render(request, "billing/invoice.html", context)


@require_GET
@pages.for_members
def usage_csv(request: HttpRequest, membership: Membership, id: str) -> StreamingHttpResponse:
    pages.require(roles.can_see_ledger(membership))
    return invoice_files.usage_csv(get_object_or_404(invoices_of(membership), pk=id))


@require_GET
@pages.for_members
def usage_lines_csv(request: HttpRequest, membership: Membership, id: str) -> StreamingHttpResponse:
    pages.require(roles.can_see_ledger(membership))
    return invoice_files.usage_lines_csv(get_object_or_404(invoices_of(membership), pk=id))
