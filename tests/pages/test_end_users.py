"""People see what each end user spends, find one, and forget one when it is asked for."""

import csv
import io
import json
import re
from collections.abc import Callable

import pytest
from django.test import Client

from accounts import pseudonyms
from accounts.models import AuditEntry, Organization, Role
from billing import budgets, end_users_views
from billing.models import Hold
from tests.billing.moves import hold_for, used
from tests.pages.conftest import text
from tests.world import Api

Browser = Callable[..., Client]


def test_spending_and_budgets_stand_beside_each(
    acme: Organization, rival: Organization, browser: Browser
) -> None:
    used(acme, "work:1", 1_500_000, end_user_id="u_1")
    hold_for(acme, "work:2", 500_000, end_user_id="u_1")
    used(acme, "work:3", 250_000, end_user_id="a&b=c")
    used(rival, "work:4", 250_000, end_user_id="u_rival")
    budgets.set_limit(acme, "end_user", "u_1", limit_microusd=2_000_000, period="day")

    page = text(browser(acme).get("/end-users"))

    assert 'aria-label="u_1: $1.5000 charged and $0.5000 held of $2.0000 a day"' in page
    assert "Used up" in page
    assert "No limit of its own" in page
    assert "?id=a%26b%3Dc" in page
    assert "u_rival" not in page


def test_one_is_found_by_name_and_nobody_is_said(acme: Organization, browser: Browser) -> None:
    for number, name in enumerate(("u_1", "u_2")):
        used(acme, f"work:{number}", 1_000_000, end_user_id=name)
    client = browser(acme)

    assert "Usage of u_1" not in text(client.get("/end-users?id=u_2"))
    assert "Usage of u_2" in text(client.get("/end-users?id=u_2"))
    assert "Nobody whose id begins so was seen" in text(client.get("/end-users?id=u_3"))


def test_the_next_ones_come_by_a_link(
    acme: Organization, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(end_users_views, "SHOWN", 2)
    for number in range(3):
        used(acme, f"work:{number}", 1_000, end_user_id=f"u {number}")
    client = browser(acme)

    first = text(client.get("/end-users"))
    second = text(client.get("/end-users?after=u%201"))

    assert 'href="/end-users?after=u%201"' in first
    assert "Usage of u 2" not in first
    assert "Usage of u 2" in second
    assert "Next ones" not in second


def test_before_the_first_the_page_says_how_they_come(acme: Organization, browser: Browser) -> None:
    assert "No end users yet" in text(browser(acme).get("/end-users"))


def test_a_name_is_forgotten_when_it_is_said_twice(acme: Organization, browser: Browser) -> None:
    used(acme, "work:1", 1_000_000, end_user_id="jane")
    client, pseudonym = browser(acme), pseudonyms.of(acme, "jane")

    assert pseudonym in text(client.get("/end-users/forget?id=jane"))
    assert Hold.objects.get().end_user_id == "jane"
    page = text(client.post("/end-users/forget?id=jane", follow=True))

    assert f"The money stays, under {pseudonym}." in page
    assert "jane" not in page
    assert Hold.objects.get().end_user_id == pseudonym
    entry = AuditEntry.objects.get(action="end_user.forgotten")
    assert (entry.target, entry.address) == (pseudonym, "127.0.0.1")
    assert entry.actor is not None
    assert client.post("/end-users/forget?id=jane").status_code == 404


@pytest.mark.parametrize("role", Role)
def test_who_reads_money_looks_and_who_leads_forgets(
    acme: Organization, rival: Organization, browser: Browser, role: Role
) -> None:
    used(acme, "work:1", 1_000_000, end_user_id="jane")
    used(rival, "work:2", 1_000_000, end_user_id="theirs")
    client = browser(acme, role)
    looks, leads = role in {Role.OWNER, Role.ADMIN, Role.BILLING}, role in {Role.OWNER, Role.ADMIN}

    assert client.get("/end-users").status_code == (200 if looks else 403)
    assert client.post("/end-users/forget?id=theirs").status_code == (404 if leads else 403)
    assert client.post("/end-users/forget?id=jane").status_code == (302 if leads else 403)
    names = set(Hold.objects.values_list("end_user_id", flat=True))
    assert names == {pseudonyms.of(acme, "jane") if leads else "jane", "theirs"}


def test_who_was_charged_most_this_month_comes_first_when_asked(
    acme: Organization, browser: Browser
) -> None:
    for number, (name, microusd) in enumerate((("a", 1_000), ("b", 3_000), ("c", 2_000))):
        used(acme, f"work:{number}", microusd, end_user_id=name)

    page = text(browser(acme).get("/end-users?by=spent"))

    assert page.index("Usage of b") < page.index("Usage of c") < page.index("Usage of a")


def test_the_beginning_of_an_id_finds_all_that_begin_so(
    acme: Organization, browser: Browser
) -> None:
    for number, name in enumerate(("shop_1", "shop_2", "u_1", "shop%")):
        used(acme, f"work:{number}", 1_000, end_user_id=name)

    page = text(browser(acme).get("/end-users?id=shop_"))

    assert re.findall(r'aria-label="Usage of ([^"]+)"', page) == ["shop_1", "shop_2"]


def test_what_is_known_of_one_is_a_file(
    acme: Organization, rival: Organization, browser: Browser, api_for: Callable[..., Api]
) -> None:
    body = {
        "model": "seedance-2.0-fast-text-to-video", "prompt": "ein Drachen, größer",
        "resolution": "480p", "duration": 4, "metadata": {"order": "7"},
    }  # fmt: skip
    for organization, name in ((acme, "jane"), (acme, "joe"), (rival, "jane")):
        answer = api_for(organization).post("/generations", {**body, "end_user_id": name})
        assert answer.status_code == 201

    answer = browser(acme).get("/end-users/export?id=jane")

    lines = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    (row,) = csv.DictReader(io.StringIO(lines))
    made = acme.generations.get(end_user_id="jane")
    assert (row["end_user_id"], row["generation"]) == ("jane", made.id)
    assert (row["status"], row["held_usd"], row["charged_usd"]) == ("queued", "0.4516", "")
    assert json.loads(row["input"])["prompt"] == "ein Drachen, größer"
    assert json.loads(row["metadata"]) == {"order": "7"}
    assert browser(acme).get("/end-users/export?id=nobody").status_code == 404
    assert browser(acme).get("/end-users/export").status_code == 404
    assert browser(acme, Role.DEVELOPER).get("/end-users/export?id=jane").status_code == 403
