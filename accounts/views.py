"""The pages of who: parse, call, render."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts import context, middleware
from accounts.models import Membership

THEME_SECONDS = 365 * 86_400


@require_POST
@login_required
def choose_organization(request: HttpRequest) -> HttpResponse:
    """Look at another of one's organizations. One that is not theirs does not exist for them.

    Also for whom the one in view keeps out, until they have a second factor.
    """
    theirs = {
        one.organization_id: one.organization
        for one in Membership.objects.filter(user_id=request.user.pk).select_related("organization")
    }
    chosen = theirs.get(request.POST.get("organization", ""))
    if chosen is None:
        raise Http404
    middleware.choose(request, chosen)
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
