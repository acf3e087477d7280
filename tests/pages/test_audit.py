"""Admins read who did what, from where, before and after; they filter it and take it away as a file."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import api_keys, audit, pages
from accounts.models import AuditEntry, Organization, Role, User
from billing import budgets
from tests.pages.conftest import text
from tests.world import make_user

Browser = Callable[..., Client]


def rows_of(response: object) -> list[dict[str, str]]:
    lines = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(lines)))


def actions_in(page: str) -> list[str]:
    """The first words of each row."""
    return [
        words.strip() for words in re.findall(r'<tr role="row"> <td role="cell"> ([^<]+)<', page)
    ]


def test_an_entry_says_who_what_from_where_and_what_differs(
    acme: Organization, browser: Browser, member_of: Callable[..., User]
) -> None:
    olivia = member_of(acme)
    key, _ = api_keys.issue(acme, "Storefront", by=olivia, address="203.0.113.7")
    for limit in (5_000_000, 9_000_000):
        budgets.set_limit(
            acme, "api_key", key.id, limit_microusd=limit, period="month", actor=olivia
        )

    page = text(browser(acme).get("/audit"))

    assert actions_in(page)[:3] == ["Budget set", "Budget set", "Key made"]
    assert olivia.email in page
    assert "203.0.113.7" in page
    assert "Storefront, <a" in page
    _, changed, *_ = page.split('<tr role="row"> <td role="cell">')
    assert "<dt>limit</dt>" in changed
    assert "was </span>$5.0000</del>" in changed
    assert "is </span>$9.0000</ins>" in changed
    assert "period" not in changed  # it did not change
    assert "is </span>Storefront</ins>" in changed  # the subject, by its name


@pytest.mark.parametrize("role", Role)
def test_the_trail_is_for_owners_and_admins(
    acme: Organization, browser: Browser, role: Role
) -> None:
    client = browser(acme, role)
    status = 200 if role in (Role.OWNER, Role.ADMIN) else 403

    assert client.get("/audit").status_code == status
    assert client.get("/audit.csv").status_code == status
    assert ('href="/audit"' in text(client.get("/"))) == (status == 200)


def test_a_strangers_trail_is_not_there(
    acme: Organization, rival: Organization, browser: Browser
) -> None:
    audit.note(rival, "budget.set", "bud_of_rival")
    client = browser(acme)

    for query in ("", "?target=bud_of_rival", "?action=budget.set"):
        assert "bud_of_rival" not in re.sub(
            r'value="[^"]*"', "", text(client.get(f"/audit{query}"))
        )
        assert rows_of(client.get(f"/audit.csv{query}")) == []


def test_the_filter_narrows_the_page_and_the_file(
    acme: Organization, browser: Browser, member_of: Callable[..., User]
) -> None:
    olivia = member_of(acme)
    key, _ = api_keys.issue(acme, "program")
    with time_machine.travel(datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), tick=False):
        audit.note(acme, "budget.set", "bud_1", actor=olivia)
    with time_machine.travel(datetime(2026, 3, 2, 0, 0, tzinfo=UTC), tick=False):
        audit.note(acme, "budget.removed", "bud_1", api_key=key)
    client = browser(acme)

    def found(query: str) -> list[str]:
        page = text(client.get(f"/audit?{query}"))
        lines = [row["action"] for row in rows_of(client.get(f"/audit.csv?{query}"))]
        assert len(actions_in(page)) == len(lines)
        return lines

    assert found("action=budget.set") == ["budget.set"]
    assert found(f"actor={olivia.email.upper()}") == ["budget.set"]
    assert found(f"actor={olivia.pk}") == ["budget.set"]
    assert found(f"key={key.id}") == ["api_key.issued", "budget.removed"]
    assert found("target=bud_1") == ["budget.removed", "budget.set"]
    assert found("since=2026-03-02&until=2026-03-02") == ["budget.removed"]
    assert found("until=2026-03-01") == ["budget.set"]
    assert found("actor=the+system") == ["api_key.issued"]
    assert found("actor=nobody%40example.com") == []
    assert found("since=nonsense&target=bud_1") == ["budget.removed", "budget.set"]


def test_people_of_ours_are_not_named(acme: Organization, browser: Browser) -> None:
    ann = make_user("ann@operator.example")
    audit.note(acme, "purchase.refund_requested", "pur_1", actor=ann)
    client = browser(acme)

    page = text(client.get("/audit"))

    assert "our staff" in page
    assert "ann@operator.example" not in page
    assert rows_of(client.get("/audit.csv"))[0]["actor"] == "our staff"
    assert rows_of(client.get("/audit.csv?actor=ann%40operator.example")) == []


def test_one_who_was_removed_is_still_named(
    acme: Organization, browser: Browser, member_of: Callable[..., User]
) -> None:
    olivia = member_of(acme)
    audit.note(acme, "budget.set", "bud_1", actor=olivia)
    acme.memberships.filter(user=olivia).update(removed_at=datetime(2026, 3, 1, tzinfo=UTC))

    assert olivia.email in text(browser(acme).get("/audit"))


def test_nothing_in_the_file_is_a_formula(acme: Organization, browser: Browser) -> None:
    for target in ("=1+1", "+1", "-1-1", "@SUM(A1)", "\t=1", "plain"):
        audit.note(acme, "budget.set", target)

    rows = rows_of(browser(acme).get("/audit.csv"))

    assert [row["target"] for row in rows] == [
        "plain",
        "'\t=1",
        "'@SUM(A1)",
        "'-1-1",
        "'+1",
        "'=1+1",
    ]
    assert all(value[:1] not in set("=+-@\t") for row in rows for value in row.values() if value)


def test_what_a_page_shows_is_text_and_no_markup(acme: Organization, browser: Browser) -> None:
    audit.note(acme, "budget.set", "<b>1</b>", after={"<i>": "<script>alert(1)</script>"})

    page = text(browser(acme).get("/audit"))

    assert "<script>alert" not in page
    assert "<b>1" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("n", [3, 600])
def test_the_page_and_the_file_ask_little_whatever_there_is(
    acme: Organization, browser: Browser, n: int
) -> None:
    key, _ = api_keys.issue(acme, "program")
    member = acme.memberships.get()
    AuditEntry.objects.bulk_create(
        AuditEntry(organization=acme, action="budget.set", target=target, actor=member.user)
        for _, target in zip(range(n), [key.id, member.id] * n, strict=False)
    )
    client = browser(acme)
    client.post("/organizations/choose", {"organization": acme.id})

    with CaptureQueriesContext(connection) as queries:
        page = client.get("/audit")
    assert page.status_code == 200
    assert len(queries) <= 12
    assert len(page.content) < 300_000
    assert len(rows_of(client.get("/audit.csv"))) == n + 1


def test_a_long_trail_goes_on(acme: Organization, browser: Browser) -> None:
    for number in range(51):
        audit.note(acme, "budget.set", f"bud_{number:02d}")
    client = browser(acme)

    first = text(client.get("/audit?action=budget.set"))
    assert "bud_01" in first
    assert "bud_00" not in first
    more = re.search(r'hx-get="([^"]+)"', first)
    assert more
    piece = text(client.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"}))
    assert "bud_00" in piece
    assert piece.count("<tr") == 1


def test_an_empty_trail_says_what_stands_here(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    assert "Nothing was changed yet." in text(client.get("/audit"))
    assert "Nothing like this was found." in text(client.get("/audit?target=x"))


def test_a_file_of_several_pieces_has_every_entry_once(
    acme: Organization, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    for number in range(5):
        audit.note(acme, "budget.set", f"bud_{number}")

    rows = rows_of(browser(acme).get("/audit.csv"))

    assert [row["target"] for row in rows] == ["bud_4", "bud_3", "bud_2", "bud_1", "bud_0"]
