"""How often may be tried, and when again. Counted in the cache that all processes share.

A password may be guessed wrong
  - 30 times in ten minutes from one address (of IPv6: from one /64), whatever the accounts,
  - 10 times in ten minutes per account by all strangers together, wherever they are,
  - 10 times in ten minutes per account by each browser that signed in to it before.
So a stranger can use up what strangers have, and no more: the person gets in with a browser that is known,
with a passkey, and from any browser by setting a new password through the mail, which makes it a known one.
The other limits are allauth's own, in settings.ACCOUNT_RATE_LIMITS.
"""

import math
import time

from allauth.account import app_settings as account_settings
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.core.internal.ratelimit import RateLimitUsage
from allauth.mfa import app_settings as mfa_settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import known_browsers

APP = "accounts"
PASSWORDS = {
    "by_stranger": "30/10m/ip,10/10m/key",
    "by_known_browser": "30/10m/ip,10/10m/key",
}


def count(request: HttpRequest, email: str) -> RateLimitUsage:
    """Count one try of a password, before it is looked at. Who is right takes it back: `.rollback()`.

    Raises ImmediateHttpResponse with the page that says when to try again.
    """
    action, key = _who(request, email)
    usage = ratelimit.consume(request, app=APP, action=action, config=PASSWORDS, key=key)
    if usage is None:
        raise ImmediateHttpResponse(too_many(request))
    return usage


def forget_strangers(request: HttpRequest, email: str) -> None:
    """After a new password was set through the mail: what strangers guessed is void."""
    keys = [
        ratelimit.get_cache_key(request, app=APP, action="by_stranger", rate=rate, key=email)
        for rate in ratelimit.parse_rates(PASSWORDS["by_stranger"])
        if rate.per == "key"
    ]
    cache.delete_many(keys)


def too_many(request: HttpRequest) -> HttpResponse:
    """The 429. Also urls.handler429, which allauth calls when one of its own limits is reached."""
    seconds = wait_seconds(request)
    response = render(
        request, "429.html", {"minutes": math.ceil(seconds / 60), "seconds": seconds}, status=429
    )
    response["Retry-After"] = str(seconds)
    return response


def wait_seconds(request: HttpRequest) -> int:
    """How long until none of the limits that this request can meet is full; at least a second."""
    email = _email_of(request)
    action, key = _who(request, email)
    limits = [(APP, action, PASSWORDS[action], key)]
    limits += [
        ("allauth.account", action, rates, email)
        for action, rates in account_settings.RATE_LIMITS.items()
    ]
    if request.user.is_authenticated:
        second = f"mfa-auth-user-{request.user.pk}"
        rates = account_settings.RATE_LIMITS["login_failed"]
        limits.append(("allauth.account", "login_failed", rates, second))
    limits += [
        ("allauth.mfa", action, rates, email) for action, rates in mfa_settings.RATE_LIMITS.items()
    ]
    full = {}
    for app, action, rates, key in limits:
        for rate in ratelimit.parse_rates(rates):
            if rate.per == "user" and not request.user.is_authenticated:
                continue
            name = ratelimit.get_cache_key(request, app=app, action=action, rate=rate, key=key)
            full[name] = rate
    now = time.time()
    waits = [
        history[full[name].amount - 1] + full[name].duration - now
        for name, history in cache.get_many(list(full)).items()
        if len(history) >= full[name].amount
    ]
    return max(1, math.ceil(max(waits, default=1)))


def _who(request: HttpRequest, email: str) -> tuple[str, str]:
    if browser := known_browsers.name(request, email):
        return "by_known_browser", f"{email.lower()} {browser}"
    return "by_stranger", email.lower()


def _email_of(request: HttpRequest) -> str:
    """The address that the form is about, as far as it says so."""
    if request.user.is_authenticated:
        return str(request.user.email)
    state = request.session.get("account_email_verification_code") or {}
    given = request.POST.get("login") or request.POST.get("email") or state.get("email") or ""
    return str(given).strip().lower()
