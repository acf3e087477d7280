"""The documentation is public, says what the code says, and its code runs as pasted."""

import base64
import hashlib
import hmac
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts import api_keys, webhooks
from accounts.models import Organization
from accounts.webhook_verification import verify as verify_in_python
from billing.models import Budget
from generations import error_pages, lifecycle, quick_start, samples
from generations.errors import FAILURES
from generations.models import Attempt, Generation
from generations.openapi import document
from tests.pages.conftest import text
from tests.upstream import Upstream

PAGES = ("", "/models", "/prices", "/files", "/errors", "/webhooks", "/moving", "/api")
BASH, NODE = shutil.which("bash") or "bash", shutil.which("node")
SECONDS = 30  # until something has certainly happened
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_public_and_is_in_the_navigation(db: None, path: str) -> None:
    page = text(Client().get(f"/docs{path}"))
    assert page.count("<h1") == 1
    assert f'<a href="/docs{path}" aria-current="page">' in page


def test_every_code_has_a_row_and_no_code_two(db: None) -> None:
    page = text(Client().get("/docs/errors"))
    rows = error_pages.rows()
    codes = [row.code for row in rows]
    assert len(codes) == len(set(codes))
    assert {
        "insufficient_credits", "budget_exceeded", "quote_mismatch", "unknown_field", "rate_limited",
        "media_too_large", "internal_error", "not_found", "idempotency_conflict",
    } <= set(codes)  # fmt: skip
    for code in (*codes, *FAILURES):
        assert f'<code class="break">{code}</code>' in page
    assert all(row.when.endswith(".") and len(row.when) > 8 for row in rows)


def test_every_type_of_event_is_named(db: None) -> None:
    page = text(Client().get("/docs/webhooks"))
    assert all(f"<code>{type}</code>" in page for type in webhooks.TYPES)


def test_every_described_call_is_on_the_page(db: None) -> None:
    page = text(Client().get("/docs/api"))
    for path, methods in document.build()["paths"].items():
        for method in methods:
            assert f"<b>{method.upper()}</b> {path}<" in page


def test_the_prices_are_the_list(db: None) -> None:
    page = text(Client().get("/docs/prices"))
    assert "$0.3024" in page
    assert '<span class="money">$4.53<small>60</small></span> <small>15 s</small>' in page


def signed(body: bytes, *, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, b"evt_1." + timestamp.encode() + b"." + body, hashlib.sha256)
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,AAAA v1,{base64.b64encode(digest).decode()}",
    }


def by_python(body: bytes, headers: dict[str, str]) -> bool:
    try:
        verify_in_python(body, headers, SECRET)
    except ValueError:
        return False
    return True


def by_node(body: bytes, headers: dict[str, str]) -> bool:
    if NODE is None:
        pytest.skip("NO node ON THIS MACHINE: the JavaScript that verifies was not run")
    file = samples.FOLDER / "verify_webhook.mjs"
    code = f"""
import {{ verify }} from "file://{file}";
verify(Buffer.from("{body.hex()}", "hex"), {headers!r}, "{SECRET}");
"""
    ran = subprocess.run(
        [NODE, "--input-type=module", "-e", code], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0 or "Error: " in ran.stderr, ran.stderr
    return ran.returncode == 0


@pytest.mark.parametrize("verify", [by_python, by_node])
def test_the_shown_code_believes_us_and_nobody_else(
    verify: Callable[[bytes, dict[str, str]], bool],
) -> None:
    body = '{"type": "generation.succeeded", "data": "ü"}'.encode()
    assert verify(body, signed(body))
    assert not verify(body + b" ", signed(body))
    assert not verify(body, signed(body, at=time.time() - 400))
    assert not verify(body, signed(body, secret="whsec_AAAA"))


def test_the_quick_start_runs_as_pasted(
    acme: Organization,
    transactional_db: None,
    live_server: Any,
    settings: Any,
    upstream: Upstream,
    run_queue: Callable[[], int],
    tmp_path: Path,
) -> None:
    settings.PUBLIC_URL = live_server.url
    _, secret = api_keys.issue(acme, "pasted")
    script = "\n".join((quick_start.ask(), quick_start.wait(), quick_start.fetch()))

    shell = subprocess.Popen(
        [BASH, "-e", "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "SEEDANCE_API_KEY": secret},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + SECONDS
        while not Generation.objects.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        made = Generation.objects.get()
        run_queue()
        upstream.finish(upstream.job)
        lifecycle.reconcile(Attempt.objects.get())
        run_queue()
        said, _ = shell.communicate(timeout=SECONDS)
    finally:
        shell.kill()
        shell.wait()

    made.refresh_from_db()
    assert (shell.returncode, said.strip()) == (0, made.id)
    assert made.state == "succeeded"
    assert (tmp_path / "kite.mp4").stat().st_size == made.video_bytes


def test_who_is_refused_by_the_quick_start_reads_why(
    make_organization: Callable[..., Organization],
    transactional_db: None,
    live_server: Any,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.PUBLIC_URL = live_server.url
    _, secret = api_keys.issue(make_organization(credits_usd="0"), "pasted")

    said = pasted(quick_start.ask(), secret, tmp_path)

    assert '"code":"insufficient_credits"' in said


def test_the_cap_runs_as_pasted(
    acme: Organization, transactional_db: None, live_server: Any, settings: Any, tmp_path: Path
) -> None:
    settings.PUBLIC_URL = live_server.url
    _, secret = api_keys.issue(acme, "pasted")

    pasted(quick_start.cap(), secret, tmp_path)

    budget = Budget.objects.get(scope="end_user", subject_id=quick_start.END_USER)
    assert (budget.limit_microusd, budget.period) == (5_000_000, "month")


def pasted(script: str, secret: str, folder: Path) -> str:
    """What a shell says to it."""
    return subprocess.run(
        [BASH, "-e", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "SEEDANCE_API_KEY": secret},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    ).stdout
