"""What Stripe's meters were told: how far they are behind, what they did not take, and what is not to be charged."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from accounts import pages
from accounts.models import Organization, User
from billing import credit_lines, usage_reports
from billing.credit_lines import Standing
from billing.models import CreditLine, MeterEvent, UsageRecord
from billing.operator_pages import organizations, staff
from billing.operator_pages.fields import ReasonField
from seedance_saas.api import usd

PIECE = 50
PLACE = "operator_meters"
Meter, State = MeterEvent.Meter, MeterEvent.State


@staff.for_staff
@require_GET
def meters_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/meters: refused and too late events, the newest first, by `?organization=`."""
    asked = request.GET.get("organization", "").strip()
    lost = MeterEvent.objects.filter(state__in=(State.REFUSED, State.TOO_LATE))
    if asked:
        lost = lost.filter(organizations.those_of(asked))
    pending = MeterEvent.objects.filter(state=State.PENDING)
    context = {
        "asked": asked,
        "is_first": "cursor" not in request.GET,
        "piece": pages.piece_by_time(
            lost.select_related("organization", "invoice"),
            request.GET.get("cursor", ""),
            limit=PIECE,
            time="occurred_at",
        ),
        "pending_count": pending.count(),
        "retried_count": pending.filter(attempts_count__gt=1).count(),
        "lag_seconds": usage_reports.lag_seconds(),
        "query": staff.query_of(request),
        "form": TakeBackForm(),
    }
    return staff.page(request, PLACE, "meters.html", context)


# -- Taking back --------------------------------------------------------------------------------------


class TakeBackForm(forms.Form):
    reference = forms.CharField(label="Generation or reference", max_length=100)


class ConfirmForm(TakeBackForm):
    reason = ReasonField()


@dataclass(frozen=True)
class Shown:
    """What taking back would do: which captures of a line, and where the line's money is now."""

    organization: Organization
    events: list[MeterEvent]
    standing: Standing

    @property
    def value_microusd(self) -> int:
        return sum(event.value_microusd for event in self.events)


@staff.moves_money
@require_http_methods(["GET", "POST"])
def take_back_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/meters/take-back?reference= shows it in numbers, POST does it."""
    if request.method == "GET":
        form = TakeBackForm(request.GET if "reference" in request.GET else None)
        shown = _shown(form) if form.is_valid() else None
        status = 400 if form.errors else 200
    else:
        form = ConfirmForm(request.POST)
        shown = _shown(form) if form.is_valid() else _shown_again(request)
        status = 400
        if shown and not form.errors:
            done = usage_reports.take_back(
                shown.organization,
                shown.events[0].reference,
                reason=form.cleaned_data["reason"],
                actor=actor,
            )
            total = sum(event.value_microusd for event in done)
            messages.success(
                request,
                f"${usd(total)} is back on the line of {shown.organization.name}.",
            )
            return redirect("operator_meters")
    return staff.page(
        request, PLACE, "take_back.html", {"form": form, "shown": shown}, status=status
    )


def _shown(form: TakeBackForm) -> Shown | None:
    """What the reference names, or None with the error at its field."""
    typed = form.cleaned_data["reference"].strip()
    record = (
        UsageRecord.objects.filter(reference__in=(typed, f"generation:{typed}"))
        .select_related("organization")
        .first()
    )
    if record is None:
        form.add_error("reference", "Nothing of this name was charged.")
        return None
    events = list(
        MeterEvent.objects.filter(
            organization=record.organization_id, meter=Meter.INVOICED, reference=record.reference
        )
        .select_related("invoice")
        .order_by("id")
    )
    still = [event for event in events if event.state != State.CANCELED]
    line = CreditLine.objects.filter(organization=record.organization_id).first()
    if not events or line is None:
        form.add_error("reference", "Nothing of it was used from a line: credits paid for it.")
        return None
    if not still:
        form.add_error("reference", "It was taken back already.")
        return None
    return Shown(record.organization, still, credit_lines.standing(line))


def _shown_again(request: HttpRequest) -> Shown | None:
    """Only the reason is missing: the numbers stay in view."""
    form = TakeBackForm(request.POST)
    return _shown(form) if form.is_valid() else None
