"""What is exported of an end user, and how they are forgotten: parse, call, render."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts import pages, pseudonyms, roles
from accounts.models import Membership
from billing import end_users
from generations import end_user_files, forgetting
from generations.models import Generation
from seedance_saas.requests import client_address


@require_GET
@pages.for_members
def export(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    """All that is known of `?id=`, as CSV."""
    pages.require(roles.can_see_ledger(membership))
    id = request.GET.get("id", "")
    if not id or not end_users.exists(membership.organization, id):
        raise Http404
    return end_user_files.export(membership.organization, id)


@require_http_methods(["GET", "POST"])
@pages.for_members
def forget(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Say in numbers what will be forgotten of `?id=`, and do it when it is said again."""
    pages.require(roles.can_set_budgets(membership))
    organization, id = membership.organization, request.GET.get("id", "")
    if not id or not end_users.exists(organization, id):
        raise Http404
    if request.method == "POST":
        pseudonym = forgetting.forget_end_user(
            organization, id, actor=membership.user, address=client_address(request)
        )
        messages.success(request, f"The name is forgotten. The money stays, under {pseudonym}.")
        return redirect("end_users")
    (end_user,) = end_users.read(organization, [id])
    context = {
        "end_user": end_user,
        "pseudonym": pseudonyms.of(organization, id),
        "generations": Generation.objects.filter(organization=organization, end_user_id=id).count(),
    }
    return render(request, "generations/end_user_forget.html", context)
