"""The pages of who: parse, call, render."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts import context, middleware, organizations
from accounts.models import Membership, Organization, User

THEME_SECONDS = 365 * 86_400


class OrganizationForm(forms.Form):
    name = forms.CharField(label="Name", max_length=100)


@require_http_methods(["GET", "POST"])
@login_required
def new_organization(request: HttpRequest) -> HttpResponse:
    """Make an organization, become its owner, and look at it from now on."""
    assert isinstance(request.user, User)
    form = OrganizationForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(
            request,
            "accounts/new_organization.html",
            {"form": form},
            status=400 if form.is_bound else 200,
        )
    made = organizations.create(form.cleaned_data["name"], owner=request.user)
    request.session[middleware.SESSION_KEY] = made.pk
    messages.success(request, f"{made.name} is ready.")
    return redirect("home")


@require_POST
@login_required
def choose_organization(request: HttpRequest) -> HttpResponse:
    """Look at another of one's organizations. One that is not theirs does not exist for them.

    Also for whom the one in view keeps out, until they have a second factor.
    """
    memberships = Membership.objects.filter(user_id=request.user.pk)
    theirs = Organization.objects.filter(memberships__in=memberships).in_bulk()
    chosen = theirs.get(request.POST.get("organization", ""))
    if chosen is None:
        raise Http404
    request.session[middleware.SESSION_KEY] = chosen.pk
    return redirect("home")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's choice in a cookie, and go back to the page."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = redirect(back)
    wanted = request.POST.get("theme")
    if wanted in context.THEMES:
        response.set_cookie(
            "theme",
            wanted,
            max_age=THEME_SECONDS,
            samesite="Lax",
            secure=request.is_secure(),
            httponly=True,
        )
    return response
