"""Each way to be misconfigured has a check of its own, which is silent when all is there."""

from typing import Any

import pytest

from seedance_saas import checks

READY = {
    "PUBLIC_URL": "https://video.example.com",
    "WEBHOOK_URL": "https://video.example.com",
    "MEDIA_URL_FOR_PROVIDERS": "https://video.example.com",
    "STRIPE_URL": "https://api.stripe.com",
    "EACHLABS_API_KEY": "key",
    "STRIPE_SIMULATED": False,
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_WEBHOOK_SECRETS": ["whsec_1"],
    "EMAIL_HOST": "mail.example.com",
    "CACHES": {"default": {"BACKEND": "seedance_saas.shared_cache.SharedCache"}},
    "ALLOWED_HOSTS": ["video.example.com"],
    "HTTPS": True,
    "TRUSTED_PROXIES": 1,
    "SESSION_COOKIE_DOMAIN": None,
}


def found(settings: Any, **wrong: Any) -> list[str]:
    for name, value in {**READY, **wrong}.items():
        setattr(settings, name, value)
    return [
        str(message.id)
        for check in (
            checks.strangers_need_https,
            checks.production_has_a_provider,
            checks.the_provider_can_fetch_files,
            checks.production_has_stripe,
            checks.production_sends_mail,
            checks.guesses_are_counted_once,
            checks.our_hosts_are_named,
            checks.cookies_are_for_this_host_alone,
            checks.callers_are_told_apart,
        )
        for message in check()
    ]


def test_what_is_ready_is_silent(settings: Any) -> None:
    assert found(settings) == []


@pytest.mark.parametrize(
    ("wrong", "ids"),
    [
        ({"PUBLIC_URL": "http://video.example.com"}, ["seedance.W001"]),
        ({"STRIPE_URL": "http://stripe.example.com"}, ["seedance.W001"]),
        ({"EACHLABS_API_KEY": ""}, ["seedance.W002"]),
        ({"STRIPE_SIMULATED": True}, ["seedance.W003"]),
        ({"STRIPE_WEBHOOK_SECRETS": []}, ["seedance.W004"]),
        ({"STRIPE_SECRET_KEY": "sk_test_1"}, ["seedance.W005"]),
        ({"STRIPE_SECRET_KEY": "rk_test_1"}, ["seedance.W005"]),
        ({"EMAIL_HOST": ""}, ["seedance.W006"]),
        (
            {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}},
            ["seedance.W007"],
        ),
        ({"ALLOWED_HOSTS": ["video.example.com", "*"]}, ["seedance.W008"]),
        ({"SESSION_COOKIE_DOMAIN": "example.com"}, ["seedance.W009"]),
        ({"TRUSTED_PROXIES": 0}, ["seedance.W010"]),
        ({"MEDIA_URL_FOR_PROVIDERS": "http://video.example.com"}, ["seedance.W011"]),
        ({"MEDIA_URL_FOR_PROVIDERS": "https://127.0.0.1:8000"}, ["seedance.W011"]),
    ],
)
def test_what_is_missing_is_named(settings: Any, wrong: dict[str, Any], ids: list[str]) -> None:
    assert found(settings, **wrong) == ids
