"""No line of the log holds a secret, whoever wrote it."""

import logging
import sys

import pytest
from django.test import Client

from seedance_saas import logs
from seedance_saas.settings import LOGGING

SECRETS = [
    "sd_live_0123456789abcdef0123456789abcdef0123456789abcdef",
    "sk_live_51Hxyz0123456789abcdef",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaL+/Sw==",
    f"/invitations/{'0a' * 32}",
    "/accounts/password/reset/key/usr_0123456789abcdef-c9wq3x-0123456789abcdef0123456789abcdef/",
    "/webhooks/eachlabs/dGhpc19pc19hX3NlY3JldF9vZl80M19jaGFyYWN0ZXJz",
    "/media/1764200000/0123456789abcdef0123456789abcdef/out/gen_1.mp4",
]


def line(message: str, *, error: Exception | None = None) -> str:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", (message,), None)
    if error:
        record.exc_info = (type(error), error, None)
    return logs.Masked("%(message)s").format(record)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_in_messages_and_tracebacks(secret: str) -> None:
    tail = secret.rstrip("/=")[-10:] if "media" not in secret else "0123456789abcdef"

    for said in (
        line(f"Not Found: {secret}"),
        line(f"path={secret!r}"),
        line("broke", error=ValueError(f"{secret} is bad")),
    ):
        assert tail not in said
        assert "…" in said


@pytest.mark.parametrize(
    "said",
    [
        "generation.created id=gen_01a21aeb32270000d62c919a66c1c516 held_microusd=451600",
        "Not Found: /api/v1/generations/gen_01a21aeb32270000d62c919a66c1c516",
        "Not Found: /webhooks/eachlabs",
        "key sd_live_0123",
    ],
)
def test_what_is_no_secret_stays(said: str) -> None:
    assert line(said) == said


def test_our_log_is_written_so(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stdout)
    described = LOGGING["formatters"]["line"]  # type: ignore[index]
    assert described["class"] == f"{logs.Masked.__module__}.{logs.Masked.__qualname__}"
    handler.setFormatter(logs.Masked(described["format"]))
    logging.getLogger("django.request").addHandler(handler)
    try:
        client.get(f"/webhooks/eachlabs/{'s3cret' * 7}")
    finally:
        logging.getLogger("django.request").removeHandler(handler)

    said = capsys.readouterr().out
    assert "/webhooks/eachlabs/…" in said
    assert "s3cret" not in said
