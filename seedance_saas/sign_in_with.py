"""With whose accounts people may sign in: each is there when its settings are, and leaves no trace when not."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


@dataclass
class SignInWith:
    """What settings.py needs to know of the ones that are configured."""

    apps: list[str] = field(default_factory=list)
    providers: dict[str, Any] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)  # origins to which our forms may lead


def configured(
    *, google: tuple[str, str], github: tuple[str, str], oidc: tuple[str, str, str], oidc_name: str
) -> SignInWith:
    """From ids and secrets; `oidc` begins with the issuer's address. Raises ImproperlyConfigured for a half."""
    found = SignInWith()
    if _is_whole(google, "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"):
        found.apps.append("allauth.socialaccount.providers.google")
        found.providers["google"] = {
            "APPS": [{"client_id": google[0], "secret": google[1]}],
            "SCOPE": ["profile", "email"],
            "OAUTH_PKCE_ENABLED": True,
        }
        found.pages.append("https://accounts.google.com")
    if _is_whole(github, "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"):
        found.apps.append("allauth.socialaccount.providers.github")
        found.providers["github"] = {
            "APPS": [{"client_id": github[0], "secret": github[1]}],
            "SCOPE": ["user:email"],
        }
        found.pages.append("https://github.com")
    if _is_whole(oidc, "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        issuer, client_id, secret = oidc
        parts = urlsplit(issuer)
        if parts.scheme != "https" or not parts.hostname:
            raise ImproperlyConfigured("OIDC_ISSUER must be a URL that begins with https://.")
        found.apps.append("allauth.socialaccount.providers.openid_connect")
        app = {
            "provider_id": "oidc",
            "name": oidc_name,
            "client_id": client_id,
            "secret": secret,
            "settings": {"server_url": issuer},
        }
        found.providers["openid_connect"] = {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
        found.pages.append(f"https://{parts.netloc}")
    return found


def _is_whole(values: tuple[str, ...], *names: str) -> bool:
    if any(values) and not all(values):
        missing = [name for name, value in zip(names, values, strict=True) if not value]
        raise ImproperlyConfigured(f"{', '.join(names)} belong together: {missing[0]} is not set.")
    return all(values)
