"""The pages of invitations: parse, call, render. The link in a mail is the one that anybody may open."""

from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import invitation_lines, invitations, middleware, pages, roles
from accounts.invitation_checks import NotInvited, Wanted
from accounts.models import Invitation, Membership, Role, User
from seedance_saas.errors import NotFound, Refusal
from seedance_saas.requests import client_address


class OneForm(forms.Form):
    email = forms.EmailField(label="Email", max_length=254)
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.DEVELOPER)

    def read(self) -> list[Wanted]:
        return [Wanted(self.cleaned_data["email"], self.cleaned_data["role"])]


class LinesForm(forms.Form):
    """Lines that are pasted, or a file of them; of both, the file."""

    lines = forms.CharField(
        label="Lines", max_length=invitation_lines.BYTES_MAX, required=False, strip=False
    )
    file = forms.FileField(label="File", required=False, allow_empty_file=True)

    def read(self) -> list[Wanted]:
        file = self.cleaned_data["file"]
        # One byte more than is allowed is enough to be refused.
        content = file.read(invitation_lines.BYTES_MAX + 1) if file else None
        return invitation_lines.read(content or self.cleaned_data["lines"].encode())


@require_http_methods(["GET", "POST"])
@pages.for_members
def invite(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Invite one person, or those of many lines: all of them or nobody."""
    pages.require(roles.can_manage_members(membership))
    is_lines = request.POST.get("do") == "lines"
    sent = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    one = OneForm(*(sent if not is_lines else (None, None)))
    lines = LinesForm(*(sent if is_lines else (None, None)))
    form: OneForm | LinesForm = lines if is_lines else one
    problems: list[Any] = []
    if form.is_bound and form.is_valid():
        try:
            made = invitations.invite(
                membership.organization,
                form.read(),
                by=membership,
                address=client_address(request),
            )
        except Refusal as refusal:
            problems = _note(form, refusal)
        else:
            who = made[0].email if len(made) == 1 else f"{len(made)} people"
            messages.success(request, f"Invited: {who}. Each link works for a week.")
            return pages.SeeOther(reverse("members"))
    context = {
        "one": one,
        "lines": lines,
        "problems": problems,
        "roles": [role for role in Role if roles.can_give(membership, role)],
        "lines_max": invitation_lines.LINES_MAX,
    }
    return render(request, "accounts/invite.html", context, status=400 if form.is_bound else 200)


def _note(form: OneForm | LinesForm, refusal: Refusal) -> list[Any]:
    """Beside the field what is wrong; of lines, each one that is bad."""
    if isinstance(form, LinesForm):
        problems = refusal.problems if isinstance(refusal, NotInvited) else []
        said = "Nobody was invited: mend these lines first." if problems else refusal.message
        form.add_error("lines", said)
        return problems
    message = refusal.problems[0].reason if isinstance(refusal, NotInvited) else refusal.message
    form.add_error(refusal.param if refusal.param in form.fields else "email", message)
    return []


@require_POST
@pages.for_members
def again(request: HttpRequest, membership: Membership, id: str) -> HttpResponseBase:
    return _change(request, membership, id, invitations.send_again, "A new link is on its way to")


@require_POST
@pages.for_members
def revoke(request: HttpRequest, membership: Membership, id: str) -> HttpResponseBase:
    return _change(request, membership, id, invitations.revoke, "The link opens nothing now for")


def _change(
    request: HttpRequest, membership: Membership, id: str, change: Any, said: str
) -> HttpResponseBase:
    pages.require(roles.can_manage_members(membership))
    found = Invitation.objects.filter(organization=membership.organization, pk=id).first()
    if found is None:
        raise Http404
    found.organization = membership.organization
    try:
        change(found, by=membership, address=client_address(request))
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, f"{said} {found.email}.")
    return pages.SeeOther(reverse("members"))


# -- the link in the mail ---------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Accept it, or learn why that is not possible and what to do. A refusal says nothing of the organization."""
    user = request.user if isinstance(request.user, User) else None
    found = invitations.find(secret)
    try:
        if found is None:
            raise NotFound("No invitation has this link.")
        if user and found.accepted_by_id == user.pk:
            return _go_in(request, found)
        if user and not invitations.is_for(found, user):
            raise invitations.InvitationForeign("This invitation is for another address.")
        invitations.require_usable(found)
        if user and request.method == "POST":
            membership = invitations.accept(secret, user, address=client_address(request))
            messages.success(
                request, f"You are in {membership.organization.name} now, as {membership.role}."
            )
            return _go_in(request, found)
    except Refusal as refusal:
        return _answer(
            request, "accounts/invitation_refused.html", refusal.status, code=refusal.code
        )
    if not user:
        # Whoever has the link reads the mail, so the address need not be proved once more.
        get_adapter().stash_verified_email(request, found.email)
    return _answer(request, "accounts/invitation.html", 200, invitation=found)


def _go_in(request: HttpRequest, found: Invitation) -> HttpResponseBase:
    middleware.choose(request, found.organization)
    return pages.SeeOther(reverse("home"))


def _answer(request: HttpRequest, template: str, status: int, **context: Any) -> HttpResponse:
    """The address is a secret, and no other site learns it: our policy for all pages is same-origin. With the
    stricter no-referrer a browser says `Origin: null` when it sends the form, which is refused."""
    return render(request, template, context, status=status)
