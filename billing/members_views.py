"""The pages of members, with the budget of each: parse, call, render."""

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts import invitation_checks, members, middleware, pages, roles
from accounts.models import Membership, Role
from billing import budget_rows, leaving
from seedance_saas.errors import Refusal
from seedance_saas.requests import client_address

PIECE = 50

WHAT_ROLES_DO = {
    Role.OWNER: "everything, settings and closing included",
    Role.ADMIN: "everything but settings and owners",
    Role.DEVELOPER: "makes videos, keeps keys and webhooks",
    Role.BILLING: "sees usage and money, buys credits",
    Role.VIEWER: "looks at videos",
}


@require_GET
@pages.for_members
def members_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Who belongs, newest first, with how each one's budget stands; and who is invited."""
    pages.require(roles.can_manage_members(membership))
    organization = membership.organization
    asked = request.GET.get("q", "").strip()
    found = organization.memberships.select_related("user")
    if asked:
        found = found.filter(Q(user__email__icontains=asked) | Q(user__name__icontains=asked))
    piece = pages.piece(found, request.GET.get("cursor", ""), limit=PIECE)
    invited = pages.piece(
        invitation_checks.not_ended(organization).select_related("invited_by"),
        request.GET.get("invited", ""),
        limit=PIECE,
    )
    subjects = {one.pk: budget_rows.of_member(one) for one in piece.rows}
    drawn = budget_rows.draw(organization, list(subjects.values()), now=timezone.now())
    context = {
        "asked": asked,
        "piece": piece,
        "rows": [{"member": one, "row": drawn[subjects[one.pk].key]} for one in piece.rows],
        "invited": invited,
        "is_first": not {"cursor", "invited"} & request.GET.keys(),
        "now": timezone.now(),
        "can_set": roles.can_set_budgets(membership),
    }
    return render(request, "billing/members.html", context)


@require_http_methods(["GET", "POST"])
@pages.for_members
def member_page(request: HttpRequest, membership: Membership, id: str) -> HttpResponseBase:
    """One member: another role, their budget, and the ways to change hands or to part."""
    pages.require(roles.can_manage_members(membership))
    member = of(membership, id)
    error = ""
    if request.method == "POST":
        try:
            now = members.change_role(
                member,
                request.POST.get("role", ""),
                by=membership,
                address=client_address(request),
            )
        except Refusal as refusal:
            error = refusal.message
        else:
            messages.success(request, f"{member.user} is {now.get_role_display().lower()} now.")
            return pages.SeeOther(reverse("member", args=[id]))
    subject = budget_rows.of_member(member)
    drawn = budget_rows.draw(membership.organization, [subject], now=timezone.now())
    is_last_owner = members.is_last_owner(member)
    context = {
        "member": member,
        "row": drawn[subject.key],
        "can_set": roles.can_set_budgets(membership),
        "error": error,
        "chosen": request.POST.get("role", member.role),
        "roles": [(role, WHAT_ROLES_DO[role]) for role in Role if roles.can_give(membership, role)],
        "is_last_owner": is_last_owner,
        "may_change": roles.can_give(membership, member.role) and not is_last_owner,
        "is_self": member.pk == membership.pk,
        "keys": members.keys_of(member),
        "can_transfer": roles.can_give(membership, Role.OWNER) and member.pk != membership.pk,
    }
    return render(request, "billing/member.html", context, status=400 if error else 200)


@require_http_methods(["GET", "POST"])
@pages.for_members
def member_remove(request: HttpRequest, membership: Membership, id: str) -> HttpResponseBase:
    """Say in numbers what goes with the member, and remove them when it is said again."""
    pages.require(roles.can_manage_members(membership))
    member = of(membership, id)
    pages.require(roles.can_give(membership, member.role))
    return _part(request, membership, member, "billing/member_remove.html", reverse("members"))


@require_http_methods(["GET", "POST"])
@pages.for_members
@pages.even_when_closed
def leave(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    """The same for oneself, which everybody may but the last owner."""
    return _part(request, membership, membership, "billing/leave.html", reverse("home"))


def _part(
    request: HttpRequest, membership: Membership, member: Membership, template: str, then: str
) -> HttpResponseBase:
    error, name = "", str(member.user)
    if request.method == "POST":
        try:
            done = leaving.remove(
                member,
                by=membership,
                revokes_made=request.POST.get("keys") == "revoke",
                address=client_address(request),
            )
        except Refusal as refusal:
            error = refusal.message
        else:
            is_self = member.pk == membership.pk
            who = f"You left {member.organization.name}." if is_self else f"{name} is removed."
            count = done.keys_count
            keys = f" {count} {'key was' if count == 1 else 'keys were'} revoked." if count else ""
            messages.success(request, f"{who}{keys}")
            if is_self:
                middleware.choose_first(request, member.user)
            return pages.SeeOther(then)
    context = {
        "member": member,
        "said": leaving.preview(member),
        "error": error,
        "is_last_owner": members.is_last_owner(member),
    }
    return render(request, template, context, status=409 if error else 200)


@require_http_methods(["GET", "POST"])
@pages.for_members
def member_transfer(request: HttpRequest, membership: Membership, id: str) -> HttpResponseBase:
    """Ask once, then make the member an owner and oneself an admin."""
    pages.require(roles.can_give(membership, Role.OWNER))
    member, error = of(membership, id), ""
    if request.method == "POST":
        try:
            members.transfer_ownership(member, by=membership, address=client_address(request))
        except Refusal as refusal:
            error = refusal.message
        else:
            messages.success(request, f"{member.user} is the owner now, and you are an admin.")
            return pages.SeeOther(reverse("members"))
    context = {"member": member, "error": error}
    return render(request, "billing/member_transfer.html", context, status=409 if error else 200)


def of(membership: Membership, id: str) -> Membership:
    """A member of the same organization; anybody else is not there."""
    found = membership.organization.memberships.select_related("user").filter(pk=id).first()
    if found is None:
        raise Http404
    found.organization = membership.organization
    return found
