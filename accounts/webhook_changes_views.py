"""The pages that change webhook endpoints: parse, call, render. They call the verbs that the API calls.

What cannot be undone says first, in numbers, what it will do.
"""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import deliveries, pages, roles, webhook_endpoints
from accounts.models import Delivery, Membership, WebhookEndpoint
from accounts.webhook_forms import EndpointForm, ReplayForm, RotateForm
from accounts.webhooks_views import delivery_of, endpoint_of, keep_secret
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address


@require_http_methods(["GET", "POST"])
@pages.for_members
def endpoint_new(request: HttpRequest, membership: Membership) -> HttpResponse:
    pages.require(roles.can_manage_keys(membership))
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made, secret = webhook_endpoints.create(
                membership.organization, **form.cleaned_data, **_who(request, membership)
            )
        except Refusal as refusal:
            form.add_error(None, refusal.message)
        else:
            keep_secret(request, made.id, secret)
            messages.success(request, "The endpoint is told what happens from now on.")
            return pages.SeeOther(reverse("webhook_endpoint", args=[made.id]))
    status = 400 if form.is_bound else 200
    return render(request, "accounts/webhook_form.html", {"form": form}, status=status)


@require_http_methods(["GET", "POST"])
@pages.for_members
def endpoint_edit(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    endpoint = endpoint_of(membership, id)
    form = EndpointForm.of(endpoint, request.POST if request.method == "POST" else None)
    if form.is_valid():
        webhook_endpoints.change(endpoint, form.cleaned_data, **_who(request, membership))
        messages.success(request, "Saved. What waits goes to the address as it is now.")
        return pages.SeeOther(reverse("webhook_endpoint", args=[endpoint.id]))
    context = {"form": form, "endpoint": endpoint}
    status = 400 if form.is_bound else 200
    return render(request, "accounts/webhook_form.html", context, status=status)


@require_POST
@pages.for_members
def endpoint_test(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    endpoint = endpoint_of(membership, id)
    try:
        deliveries.test(endpoint)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "A test event is on its way: it stands first among deliveries.")
    return pages.SeeOther(reverse("webhook_endpoint", args=[endpoint.id]))


@require_POST
@pages.for_members
def endpoint_enable(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    endpoint = endpoint_of(membership, id)
    webhook_endpoints.enable(endpoint, **_who(request, membership))
    messages.success(request, "It is told what happens from now on. Replay what it missed.")
    return pages.SeeOther(reverse("webhook_endpoint", args=[endpoint.id]))


@require_http_methods(["GET", "POST"])
@pages.for_members
def endpoint_disable(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    """Say what is given up, and switch it off when it is said again."""
    endpoint = endpoint_of(membership, id)
    if request.method == "POST":
        webhook_endpoints.disable(endpoint, **_who(request, membership))
        messages.success(request, "Switched off: it is told nothing more.")
        return pages.SeeOther(reverse("webhook_endpoint", args=[endpoint.id]))
    return render(request, "accounts/webhook_end.html", _end(endpoint, "disable"))


@require_http_methods(["GET", "POST"])
@pages.for_members
def endpoint_delete(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    """Say what is given up, and delete it when it is said again."""
    endpoint = endpoint_of(membership, id)
    if request.method == "POST":
        webhook_endpoints.delete(endpoint, **_who(request, membership))
        messages.success(request, f"{endpoint.url} is deleted.")
        return pages.SeeOther(reverse("webhooks"))
    return render(request, "accounts/webhook_end.html", _end(endpoint, "delete"))


@require_http_methods(["GET", "POST"])
@pages.for_members
def secret_rotate(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    """A new secret of an endpoint, or with the id `default` of the organization. It is shown on the next page."""
    pages.require(roles.can_manage_keys(membership))
    endpoint = None if id == "default" else endpoint_of(membership, id)
    form = RotateForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        secret, _ = webhook_endpoints.rotate_secret(
            membership.organization, endpoint, **form.cleaned_data, **_who(request, membership)
        )
        keep_secret(request, endpoint.id if endpoint else membership.organization_id, secret)
        page = reverse("webhook_endpoint", args=[id]) if endpoint else reverse("webhooks")
        return pages.SeeOther(page)
    context = {"form": form, "endpoint": endpoint}
    status = 400 if form.is_bound else 200
    return render(request, "accounts/webhook_rotate.html", context, status=status)


@require_http_methods(["GET", "POST"])
@pages.for_members
def endpoint_replay(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    """Count what was missed since a moment, and send it when it is said again."""
    endpoint = endpoint_of(membership, id)
    asked = request.POST if request.method == "POST" else request.GET
    form = ReplayForm(asked if "since" in asked else {"since": _guess(endpoint)})
    count = None
    if form.is_valid():
        since, everything = form.cleaned_data["since"], form.cleaned_data["include_succeeded"]
        if request.method == "POST":
            try:
                sent = deliveries.replay(endpoint, since, include_succeeded=everything)
            except Refusal as refusal:
                form.add_error("since", refusal.message)
            else:
                messages.success(request, f"{sent:,} events are on their way again.")
                return pages.SeeOther(reverse("webhook_endpoint", args=[endpoint.id]))
        missed = deliveries.missed(endpoint, since, include_succeeded=everything)
        count = missed[: deliveries.REPLAY_MAX + 1].count()
    context = {
        "endpoint": endpoint,
        "form": form,
        "count": count,
        "is_too_many": (count or 0) > deliveries.REPLAY_MAX,
        "replay_max": deliveries.REPLAY_MAX,
    }
    status = 200 if form.is_valid() else 400
    return render(request, "accounts/webhook_replay.html", context, status=status)


@require_POST
@pages.for_members
def delivery_resend(request: HttpRequest, membership: Membership, id: str) -> HttpResponse:
    delivery = delivery_of(membership, id)
    try:
        deliveries.resend(delivery)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "It is on its way again.")
    return pages.SeeOther(reverse("webhook_delivery", args=[delivery.id]))


def _end(endpoint: WebhookEndpoint, do: str) -> dict[str, Any]:
    waiting = endpoint.deliveries.filter(state=Delivery.State.PENDING).count()
    return {"endpoint": endpoint, "do": do, "waiting": waiting}


def _guess(endpoint: WebhookEndpoint) -> str:
    """Since when somebody probably wants it: the first failure, else a day ago."""
    since = endpoint.failing_since or endpoint.disabled_at or timezone.now() - timedelta(days=1)
    oldest = timezone.now() - timedelta(days=29)
    return f"{max(since, oldest):%Y-%m-%dT%H:%M}"


def _who(request: HttpRequest, membership: Membership) -> dict[str, Any]:
    return {"actor": membership.user, "address": client_address(request)}
