"""System checks: one for each way to be misconfigured that the environment's own reading cannot see."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@register(Tags.security, deploy=True)
def strangers_need_https(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, url in (
        ("SEEDANCE_URL", settings.PUBLIC_URL),
        ("WEBHOOK_URL", settings.WEBHOOK_URL),
        ("STRIPE_URL", settings.STRIPE_URL),
    ):
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            found.append(
                Warning(
                    f"{name} is not https: keys, passwords and videos travel in the clear.",
                    hint=f"Set {name} to an https:// address.",
                    id="seedance.W001",
                )
            )
    return found


@register(deploy=True)
def production_has_a_provider(**kwargs: Any) -> list[CheckMessage]:
    if settings.EACHLABS_API_KEY:
        return []
    return [
        Warning(
            "There is no provider key: customers would pay for videos of the simulator.",
            hint="Set EACHLABS_API_KEY.",
            id="seedance.W002",
        )
    ]


@register(deploy=True)
def the_provider_can_fetch_files(**kwargs: Any) -> list[CheckMessage]:
    parts = urlsplit(settings.MEDIA_URL_FOR_PROVIDERS)
    is_public = parts.scheme == "https" and parts.hostname not in LOOPBACK
    if is_public or not settings.EACHLABS_API_KEY:
        return []
    return [
        Warning(
            "The provider refuses files from an address that is not public https: no image becomes a video.",
            hint="Set SEEDANCE_URL or MEDIA_URL_FOR_PROVIDERS to an https:// address that reaches us.",
            id="seedance.W011",
        )
    ]


@register(deploy=True)
def production_has_stripe(**kwargs: Any) -> list[CheckMessage]:
    """What the account itself lacks is told by `manage.py stripe_setup --check`, which asks Stripe."""
    if settings.STRIPE_SIMULATED:
        return [
            Warning(
                "There is no Stripe key: credits would be bought from the simulator, for nothing.",
                hint="Set STRIPE_SECRET_KEY.",
                id="seedance.W003",
            )
        ]
    found: list[CheckMessage] = []
    if not settings.STRIPE_WEBHOOK_SECRETS:
        found.append(
            Warning(
                "Stripe's webhooks have no receiver: payments are noticed minutes late.",
                hint="Set STRIPE_WEBHOOK_SECRETS to what `manage.py stripe_setup` printed.",
                id="seedance.W004",
            )
        )
    if settings.EACHLABS_API_KEY and "_test_" in settings.STRIPE_SECRET_KEY:
        found.append(
            Warning(
                "Stripe's key is a test key, and the provider's is not: test cards would buy real videos.",
                hint="Set STRIPE_SECRET_KEY to a live key.",
                id="seedance.W005",
            )
        )
    return found


@register(deploy=True)
def production_sends_mail(**kwargs: Any) -> list[CheckMessage]:
    if settings.EMAIL_HOST:
        return []
    return [
        Warning(
            "Mail goes to the log: nobody hears of a declined card or a forgotten password.",
            hint="Set EMAIL_URL, for instance smtps://name:password@mail.example.com:465.",
            id="seedance.W006",
        )
    ]


@register(Tags.security, deploy=True)
def guesses_are_counted_once(**kwargs: Any) -> list[CheckMessage]:
    """With a cache of its own, each process lets a stranger guess as often as all of them together should."""
    backend = settings.CACHES["default"]["BACKEND"].rpartition(".")[2]
    if backend not in {"LocMemCache", "DummyCache", "FileBasedCache"}:
        return []
    return [
        Warning(
            "The cache is not shared by all processes: sign-in can be tried once more in each.",
            hint="Leave CACHES as it is, or name a cache that all machines share.",
            id="seedance.W007",
        )
    ]


@register(Tags.security, deploy=True)
def our_hosts_are_named(**kwargs: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Warning(
            "Any Host header is believed: links in pages lead wherever a stranger says.",
            hint="List the names in ALLOWED_HOSTS.",
            id="seedance.W008",
        )
    ]


@register(Tags.security, deploy=True)
def cookies_are_for_this_host_alone(**kwargs: Any) -> list[CheckMessage]:
    """Browsers refuse a `__Host-` cookie that has a domain, a path of its own, or comes without https."""
    if not settings.HTTPS or not (
        settings.SESSION_COOKIE_DOMAIN
        or settings.CSRF_COOKIE_DOMAIN
        or settings.SESSION_COOKIE_PATH != "/"
        or settings.CSRF_COOKIE_PATH != "/"
    ):
        return []
    return [
        Warning(
            "A __Host- cookie may have neither domain nor path: browsers refuse it, and nobody can sign in.",
            hint="Leave SESSION_COOKIE_DOMAIN, CSRF_COOKIE_DOMAIN and both paths as they are.",
            id="seedance.W009",
        )
    ]


@register(Tags.security, deploy=True)
def callers_are_told_apart(**kwargs: Any) -> list[CheckMessage]:
    """Our web server speaks http, so with https there is a proxy, whose address all callers seem to have."""
    if settings.TRUSTED_PROXIES or not settings.HTTPS:
        return []
    return [
        Warning(
            "All callers seem to come from the proxy: one who guesses passwords shuts the door for everybody.",
            hint="Set TRUSTED_PROXIES to how many proxies stand before us, usually 1.",
            id="seedance.W010",
        )
    ]
