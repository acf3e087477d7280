"""The door of the operator's console: an address that nobody guesses, a second factor, a policy that is strict."""

import gzip
import os
import re
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.console import console
from accounts.models import Look, Organization, User
from billing.models import Transfer
from seedance_saas import env
from tests.pages.conftest import signed_in, text

METHODS = ("POST", "PUT", "PATCH", "DELETE")


def test_staff_without_a_second_factor_is_led_to_set_one_up(ann: User, staff: Client) -> None:
    Authenticator.objects.all().delete()

    for path in ("/operator", "/operator/money", "/operator/records/", "/operator/rates"):
        answer = staff.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (
            302,
            "/accounts/2fa/totp/activate/",
        )


@pytest.mark.parametrize("hours", [12, 14 * 24])
def test_a_browser_that_was_signed_in_for_long_shows_first_who_it_is(
    acme: Organization, ann: User, staff: Client, hours: int
) -> None:
    signed_in(staff, ann, at=time.time() - 12 * 3600 + 60)
    assert staff.get("/operator").status_code == 200

    signed_in(staff, ann, at=time.time() - hours * 3600)

    suspend = f"/operator/organizations/{acme.pk}/suspend"
    for path in ("/operator", "/operator/records/", suspend):
        answer = staff.get(path)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    staff.post(suspend, {"reason": "x"})
    acme.refresh_from_db()
    assert acme.suspended_at is None


def test_a_look_is_ended_however_long_ago_the_password_was_given(
    acme: Organization, ann: User, staff: Client
) -> None:
    staff.post(f"/operator/organizations/{acme.pk}/look", {"reason": "They asked."})
    signed_in(staff, ann, at=time.time() - 13 * 3600)

    assert staff.post("/operator/stop-looking").status_code == 303
    assert Look.objects.get().ended_at is not None


def test_staff_who_belongs_to_nobody_finds_the_console_at_home(staff: Client) -> None:
    assert staff.get("/").headers["Location"] == "/operator/"


def test_recovery_codes_alone_are_no_second_factor(ann: User, staff: Client) -> None:
    Authenticator.objects.update(type=Authenticator.Type.RECOVERY_CODES)

    assert staff.get("/operator").status_code == 302


def test_the_command_prints_the_address() -> None:
    said = StringIO()
    call_command("operator_url", stdout=said)

    assert said.getvalue() == f"{settings.PUBLIC_URL}/operator/\n"


def test_without_a_setting_it_follows_from_the_secret_and_nobody_guesses_it() -> None:
    def address(secret: str) -> str:
        said = subprocess.run(
            [sys.executable, "manage.py", "operator_url"],
            cwd=settings.BASE_DIR,
            env={
                **os.environ, "DJANGO_SETTINGS_MODULE": "seedance_saas.settings",
                "SECRET_KEY": secret * 32, "OPERATOR_PATH": "",
            },
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return said.stdout.strip()

    first = address("a")

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/staff-[0-9a-f]{24}/", first)
    assert address("a") == first != address("b")


def test_a_path_with_a_slash_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_PATH", "admin/secret")

    with pytest.raises(ImproperlyConfigured, match="OPERATOR_PATH must have"):
        env.segment("OPERATOR_PATH", "x")


def test_only_the_records_may_evaluate_and_nothing_may_stand_inline(staff: Client) -> None:
    records = staff.get("/operator/records/accounts/organization/").headers[
        "Content-Security-Policy"
    ]
    ours = staff.get("/operator").headers["Content-Security-Policy"]

    assert "script-src 'self' 'unsafe-eval'" in records.split("; ")
    assert "unsafe-eval" not in ours
    for policy in (records, ours):
        assert "unsafe-inline" not in policy
        assert "style-src 'self'" in policy.split("; ")


def test_a_record_page_brings_no_style_and_asks_no_other_host(
    acme: Organization, staff: Client
) -> None:
    page = text(staff.get(reverse("admin:accounts_organization_change", args=[acme.pk])))

    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)


def test_no_record_is_added_changed_or_deleted_by_anybody(
    acme: Organization, ann: User, staff: Client
) -> None:
    User.objects.filter(pk=ann.pk).update(is_superuser=True)
    transfer = Transfer.objects.get()
    for model, rows in console._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert not rows.has_add_permission(None), name
        assert not rows.has_change_permission(None), name
        assert not rows.has_delete_permission(None), name
        for method in METHODS:
            assert staff.generic(method, reverse(f"{name}_changelist")).status_code == 405, name
        for write in ("add", "delete", "history"):
            with pytest.raises(NoReverseMatch):
                reverse(f"{name}_{write}", args=[] if write == "add" else ["1"])
    for method in METHODS:
        answer = staff.generic(method, reverse("admin:billing_transfer_change", args=[transfer.pk]))
        assert answer.status_code == 405
    assert Transfer.objects.get().amount_microusd == 25_000_000


def test_no_list_counts_further_than_a_thousand(acme: Organization, staff: Client) -> None:
    """Nor reads: what is further down is found by search."""
    Organization.objects.bulk_create(Organization(name=f"o{number}") for number in range(1100))

    answer = staff.get("/operator/records/accounts/organization/?p=20")

    assert answer.context["cl"].result_count == 1000
    assert answer.context["cl"].show_full_result_count is False


@pytest.mark.parametrize("secret", ["password", "secret_sha256", "pseudonym_secret"])
def test_no_record_shows_a_secret(
    acme: Organization, ann: User, staff: Client, secret: str
) -> None:
    for model in console._registry:
        row = model.objects.first()
        if row is None or not hasattr(row, secret):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        assert getattr(row, secret) not in text(staff.get(reverse(name, args=[row.pk])))


def test_a_record_page_weighs_less_than_300_kilobytes_as_it_is_sent(
    acme: Organization, staff: Client
) -> None:
    page = staff.get(reverse("admin:accounts_organization_change", args=[acme.pk])).content
    assets = set(re.findall(rb"/static/([^\"']+)", page))
    files = [Path(str(finders.find(asset.decode()))) for asset in assets]

    sizes = {file.name: len(gzip.compress(file.read_bytes())) for file in files}

    assert len(sizes) > 10
    assert sum(sizes.values()) + len(gzip.compress(page)) < 300_000, sizes
