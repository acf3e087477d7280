"""One generation as the operator sees it: where it is, what it cost, and the two things to be done about it.

What the customer wrote is not shown.
"""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts import audit
from accounts.models import User
from billing.operator_pages import acts, staff
from billing.templatetags.money import money
from generations import lifecycle, sweeps
from generations.models import Generation
from seedance_saas.requests import client_address

PLACE = "admin:index"


def _generation(id: str) -> Generation:
    return get_object_or_404(Generation.objects.select_related("organization"), pk=id)


@staff.for_staff
@require_GET
def generation_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET {operator}/generations/{id}"""
    generation = _generation(id)
    context = {
        "generation": generation,
        "moves": generation.moves.order_by("id"),
        "attempts": generation.attempts.order_by("number"),
    }
    return staff.page(request, PLACE, "generation.html", context)


@staff.for_staff
@require_http_methods(["GET", "POST"])
def cancel_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/generations/{id}/cancel. A repeat, or one that has ended, changes nothing."""
    generation = _generation(id)

    def do(reason: str) -> str:
        if not generation.is_final:
            _note(generation, "generation.cancel_asked", actor, request, reason)
            lifecycle.cancel(generation)
        return f"It is {generation.state} now." if generation.is_final else "It is being stopped."

    act = acts.Act(
        title="Cancel a generation",
        about=f"{generation.model} at {generation.resolution}, of {generation.organization.name}",
        button="Cancel it",
        back_url=reverse("operator_generation", args=[id]),
        back_word="Generation",
        lines=[
            ("State", generation.state),
            ("Held, and given back once it is canceled", money(generation.held_microusd)),
            ("Charged", money(0)),
        ],
        note="One that runs is canceled only if the provider confirms it; if the video comes first, it is charged.",
        is_dangerous=True,
        impossible=f"It has ended: {generation.state}." if generation.is_final else "",
    )
    return acts.page(request, PLACE, act, do)


@staff.for_staff
@require_http_methods(["GET", "POST"])
def unstick_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/generations/{id}/unstick. Its next step bears a repeat, and so does this."""
    generation = _generation(id)

    @transaction.atomic
    def do(reason: str) -> str:
        _note(generation, "generation.unstuck", actor, request, reason)
        sweeps.look_now(generation)
        return "Its next step is taken now. Load this page again in a moment."

    act = acts.Act(
        title="Take its next step now",
        about=f"{generation.model} at {generation.resolution}, of {generation.organization.name}",
        button="Take the next step",
        back_url=reverse("operator_generation", args=[id]),
        back_word="Generation",
        lines=[
            ("State", generation.state),
            ("Since", f"{generation.state_since:%Y-%m-%d %H:%M:%S} UTC"),
            ("Would be looked at anyway", f"{generation.due_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("Held", money(generation.held_microusd)),
        ],
        note="The same step that its sweep takes: a lost submit is looked for, and never sent twice.",
        impossible=f"It has ended: {generation.state}." if generation.is_final else "",
    )
    return acts.page(request, PLACE, act, do)


def _note(
    generation: Generation, action: str, actor: User, request: HttpRequest, reason: str
) -> None:
    audit.note(
        generation.organization, action, generation.id, actor=actor,
        address=client_address(request), before={"state": generation.state}, after={"reason": reason},
    )  # fmt: skip
