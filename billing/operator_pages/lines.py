"""Credit lines: who may use how much before paying, approved, changed and closed; and the invoices that are overdue."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods

from accounts import pages
from accounts.models import Organization, User
from billing import credit_lines, invoice_reversals
from billing.credit_lines import Standing
from billing.models import CreditLine, Invoice
from billing.operator_pages import organizations, staff
from billing.operator_pages.fields import DollarField, ReasonField
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address

PIECE = 50
SHOWN = 24
PLACE = "operator_lines"
UNPAID = (Invoice.State.OVERDUE, Invoice.State.UNCOLLECTIBLE)


@staff.for_staff
@require_GET
def lines_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/lines: the newest organization first, by `?state=`; `?organization=` leads to its line."""
    asked = request.GET.get("organization", "").strip()
    problem = ""
    if asked:
        try:
            return redirect("operator_line", id=organizations.find(asked).pk)
        except Refusal as refusal:
            problem = refusal.message
    state = request.GET.get("state", "")
    lines = CreditLine.objects.select_related("organization")
    if state in CreditLine.State.values:
        lines = lines.filter(state=state)
    piece = pages.piece(lines, request.GET.get("cursor", ""), limit=PIECE, key="organization_id")
    standings = credit_lines.standings(piece.rows)
    overdue = Invoice.objects.filter(state__in=UNPAID).select_related("organization")
    context = {
        "asked": asked,
        "problem": problem,
        "state": state if state in CreditLine.State.values else "",
        "states": CreditLine.State.choices,
        "is_first": "cursor" not in request.GET,
        "piece": piece,
        "rows": [(line, standings[line.organization_id]) for line in piece.rows],
        "overdue": overdue.order_by("period_ended_at")[: SHOWN + 1],
        "query": staff.query_of(request),
    }
    return staff.page(request, PLACE, "lines.html", context, status=404 if problem else 200)


class TermsForm(forms.Form):
    limit_usd = DollarField(label="Limit")
    net_days = forms.IntegerField(
        label="Days to pay",
        min_value=0,
        max_value=credit_lines.NET_DAYS_MAX,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            f"The days to pay must be 0 to {credit_lines.NET_DAYS_MAX}.",
        ),
    )

    def clean_limit_usd(self) -> int:
        cents: int = self.cleaned_data["limit_usd"]
        if not 0 < cents <= credit_lines.LIMIT_CENTS_MAX:
            raise forms.ValidationError(
                "The limit must be more than $0.00 and at most"
                f" ${credit_lines.LIMIT_CENTS_MAX / 100:,.2f}."
            )
        return cents


class CloseForm(forms.Form):
    reason = ReasonField()


@staff.moves_money
@require_http_methods(["GET", "POST"])
def line_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/lines/{organization}: approved or changed after its numbers were shown, or closed."""
    organization = get_object_or_404(Organization, pk=id)
    line = CreditLine.objects.filter(organization=organization).first()
    do = request.POST.get("do", "")
    terms = TermsForm(
        request.POST if do in ("preview", "approve") else None, initial=_initial(line)
    )
    closing = CloseForm(request.POST if do == "close" else None)
    shown, status = None, 400 if request.method == "POST" else 200
    if terms.is_bound and terms.is_valid():
        if do == "approve" and _approved(request, organization, terms, actor):
            return redirect("operator_line", id=organization.pk)
        if do == "preview" and not organization.is_sandbox:
            shown, status = _then(line, terms.cleaned_data), 200
    if closing.is_bound and closing.is_valid() and line:
        _close(request, organization, closing.cleaned_data["reason"], actor)
        return redirect("operator_line", id=organization.pk)
    invoices = Invoice.objects.filter(organization=organization).order_by("-id")
    context = {
        "organization": organization,
        "line": line,
        "standing": credit_lines.standing(line) if line else None,
        "terms": terms,
        "closing": closing,
        "shown": shown,
        "invoices": invoices[:SHOWN],
        "is_closed": line is not None and line.closure == CreditLine.Closure.OPERATOR,
    }
    return staff.page(request, PLACE, "line.html", context, status=status)


def _initial(line: CreditLine | None) -> dict[str, Any]:
    if line is None:
        return {"net_days": 30}
    return {"limit_usd": f"{line.limit_cents / 100:.2f}", "net_days": line.net_days}


def _then(line: CreditLine | None, said: dict[str, Any]) -> dict[str, Any]:
    """What the line gives under the new limit: what is held or open is counted against it, and not touched.

    Opening what the operator closed forgives what banks took back, as `credit_lines.approve` does.
    """
    now = credit_lines.standing(line) if line else Standing(0, 0, 0, 0)
    limit = said["limit_usd"] * 10_000
    forgiven = 0
    if line and line.closure == CreditLine.Closure.OPERATOR:
        forgiven = invoice_reversals.owed_again_microusd(line.organization_id)
    open_microusd = now.open_microusd - forgiven
    left = limit - now.held_microusd - open_microusd
    opens_at_once = line is not None and line.state == CreditLine.State.OPEN
    stays_closed = line is not None and line.closure in ("unpaid", "disputed")
    return {
        "now": now,
        "limit_microusd": limit,
        "open_microusd": open_microusd,
        "forgiven_microusd": forgiven,
        "available_microusd": 0 if stays_closed else max(0, left),
        "over_microusd": max(0, -left),
        "net_days": said["net_days"],
        "old_net_days": line.net_days if line and line.net_days != said["net_days"] else None,
        "opens": not opens_at_once and not stays_closed,
        "stays_closed": stays_closed,
    }


def _approved(
    request: HttpRequest, organization: Organization, terms: TermsForm, actor: User
) -> bool:
    try:
        line = credit_lines.approve(
            organization,
            limit_cents=terms.cleaned_data["limit_usd"],
            net_days=terms.cleaned_data["net_days"],
            actor=actor,
            address=client_address(request),
        )
    except Refusal as refusal:
        terms.add_error(None, refusal.message)
        return False
    messages.success(
        request,
        f"{organization.name} has a line of ${line.limit_cents / 100:,.2f}; an invoice is paid within"
        f" {line.net_days} days."
        if line.net_days
        else f"{organization.name} has a line of ${line.limit_cents / 100:,.2f}; its card pays each invoice.",
    )
    return True


def _close(request: HttpRequest, organization: Organization, reason: str, actor: User) -> None:
    credit_lines.close(
        organization,
        CreditLine.Closure.OPERATOR,
        reason=reason,
        actor=actor,
        address=client_address(request),
    )
    messages.success(request, f"The line of {organization.name} is closed.")
