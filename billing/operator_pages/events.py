"""Stripe's events that nobody could handle, and those that wait; a dead one is run again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from accounts import pages
from accounts.models import User
from billing import stripe_webhook
from billing.models import StripeEvent
from billing.operator_pages import staff

PIECE = 50
AT_ONCE = 200
State = StripeEvent.State


@staff.for_staff
@require_GET
def events_page(request: HttpRequest, actor: User) -> HttpResponse:
    """GET {operator}/events: dead and pending ones, the newest first; `?id=` finds any."""
    asked = {name: request.GET.get(name, "").strip() for name in ("state", "id")}
    states = [asked["state"]] if asked["state"] in (State.DEAD, State.PENDING) else []
    events = StripeEvent.objects.filter(state__in=states or (State.DEAD, State.PENDING))
    if asked["id"]:
        events = StripeEvent.objects.filter(pk=asked["id"])
    context = {
        "asked": asked,
        "states": ((State.DEAD.value, "Dead"), (State.PENDING.value, "Pending")),
        "is_filtered": any(asked.values()),
        "is_first": "cursor" not in request.GET,
        "piece": pages.piece_by_time(
            events, request.GET.get("cursor", ""), limit=PIECE, time="received_at"
        ),
        "dead_count": StripeEvent.objects.filter(state=State.DEAD).count(),
        "at_once": AT_ONCE,
        "query": staff.query_of(request),
    }
    return staff.page(request, "operator_events", "events.html", context)


@staff.for_staff
@require_POST
def run_again(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """POST {operator}/events/{id}/again. A repeat finds it pending, and changes nothing."""
    event = get_object_or_404(StripeEvent, pk=id)
    if stripe_webhook.run_again(event, actor=actor):
        messages.success(request, f"{event.type} runs again: {event.id}.")
    else:
        messages.info(request, f"{event.id} is not dead: nothing was done.")
    return redirect("operator_events")


@staff.for_staff
@require_POST
def run_all_again(request: HttpRequest, actor: User) -> HttpResponse:
    """POST {operator}/events/again: every dead one, the oldest first, at most AT_ONCE."""
    dead = StripeEvent.objects.filter(state=State.DEAD).order_by("received_at")[:AT_ONCE]
    count = sum(stripe_webhook.run_again(event, actor=actor) for event in dead)
    messages.success(request, f"{count} dead event{'' if count == 1 else 's'} run again.")
    return redirect("operator_events")
