"""A webhook of an organization, sent once more by us."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import audit, deliveries
from accounts.models import Delivery, User
from billing.operator_pages import acts, staff
from seedance_saas.requests import client_address


@staff.for_staff
@require_http_methods(["GET", "POST"])
def resend_page(request: HttpRequest, actor: User, id: str) -> HttpResponse:
    """GET and POST {operator}/deliveries/{id}/resend. A repeat finds it waiting, and it is sent once."""
    delivery = get_object_or_404(
        Delivery.objects.select_related("organization", "event", "endpoint"), pk=id
    )

    @transaction.atomic
    def do(reason: str) -> str:
        deliveries.resend(delivery)
        audit.note(
            delivery.organization, "webhook.resent", delivery.id, actor=actor,
            address=client_address(request), after={"reason": reason},
        )  # fmt: skip
        return f"{delivery.event.type} is on its way again."

    act = acts.Act(
        title="Send a webhook again",
        about=f"{delivery.event.type} to {delivery.organization.name}",
        button="Send it again",
        back_url=reverse("operator_organization", args=[delivery.organization_id]),
        back_word=delivery.organization.name,
        lines=[
            ("State", delivery.get_state_display()),
            ("To", delivery.url),
            ("Tries since it was asked for", str(delivery.tries_count)),
        ],
        note="The receiver knows by the event's id that it had it before.",
    )
    return acts.page(request, "admin:index", act, do)
