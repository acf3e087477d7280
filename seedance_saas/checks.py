"""System checks: one for each way to be misconfigured that the environment's own reading cannot see."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@register(Tags.security, deploy=True)
def strangers_need_https(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, url in (("SEEDANCE_URL", settings.PUBLIC_URL), ("WEBHOOK_URL", settings.WEBHOOK_URL)):
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
