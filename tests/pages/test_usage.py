"""The page of usage shows what the API reports: bars, a table, and the same as files."""

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, Organization, Role, User
from billing import chart
from billing.models import UsageDay
from tests.billing.moves import used
from tests.pages.conftest import text

FAST = {"model": "seedance-2.0-fast-text-to-video", "resolution": "480p"}
STANDARD = {"model": "seedance-2.0-text-to-video", "resolution": "720p"}
FIRST = date(2026, 6, 1)
JUNE = "/usage?since=2026-06-01&until=2026-06-30"
Browser = Callable[..., Client]


@pytest.fixture
def june(acme: Organization, rival: Organization) -> None:
    member = acme.memberships.order_by("id")[0]
    with time_machine.travel("2026-06-01T00:00:00Z", tick=False):
        used(acme, "work:1", 451_600, end_user_id="u_1", member_id=member.id, labels=FAST)
        used(acme, "work:2", 1_209_600, member_id=member.id, labels=STANDARD)
    with time_machine.travel("2026-06-30T23:59:59Z", tick=False):
        used(acme, "work:3", 451_600, end_user_id="<b>", labels=FAST)
        used(rival, "work:4", 3_333_300, end_user_id="u_rival", labels=FAST)


def test_totals_bars_and_rows_are_the_same_money(
    acme: Organization, browser: Browser, june: None
) -> None:
    page = text(browser(acme).get(JUNE))

    assert "$2.11<small>28</small>" in page  # in all
    assert ">1 June, seedance-2.0-text-to-video: $1.2096<" in page
    assert ">30 June, seedance-2.0-fast-text-to-video: $0.4516<" in page
    assert page.index("$1.20<small>96</small>") < page.index("$0.90<small>32</small>")
    assert "57.3%" in page
    assert "$3.33" not in page
    assert "Charged by day" in page


def test_another_group_and_a_filter_stand_in_the_address(
    acme: Organization, browser: Browser, june: None
) -> None:
    client = browser(acme)
    page = text(client.get(f"{JUNE}&group_by=end_user_id"))
    assert "No end user" in page
    assert "&lt;b&gt;" in page
    assert "<b>:" not in page
    link = next(
        href.replace("&amp;", "&")
        for href in re.findall(r'href="(\?[^"]+)"', page)
        if "end_user_id=u_1" in href
    )

    only = text(client.get(f"/usage{link}"))

    assert "End user: u_1" in only
    assert "$0.45<small>16</small>" in only
    assert "$1.20" not in only


def test_members_and_keys_have_their_names(
    acme: Organization, browser: Browser, june: None
) -> None:
    client, owner = browser(acme), acme.memberships.order_by("id")[0]

    assert str(owner.user) in text(client.get(f"{JUNE}&group_by=member"))
    assert "No key: by hand" in text(client.get(f"{JUNE}&group_by=api_key"))


def test_who_was_removed_is_still_called_by_name(
    acme: Organization, browser: Browser, june: None
) -> None:
    client, gone = browser(acme), acme.memberships.order_by("id")[0]
    Membership.objects.filter(pk=gone.pk).update(removed_at=gone.created_at)

    page = text(client.get(f"{JUNE}&group_by=member"))

    assert str(gone.user) in page
    assert gone.pk not in re.sub(r'href="[^"]*"', "", page)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=2024-01-01&until=2026-06-30", "A report has at most 366 days"),
        ("since=2026-06-30&until=2026-06-01", "to must be after from"),
        ("since=yesterday", "from must be a day of UTC"),
        ("until=9999-12-31", "to must be"),
        ("group_by=hour", "There is no group"),
        (f"end_user_id={'x' * 256}", "at most 255 characters"),
    ],
)
def test_what_cannot_be_answered_is_said_and_the_last_days_are_shown(
    acme: Organization, browser: Browser, query: str, said: str
) -> None:
    with time_machine.travel("2026-06-30T12:00:00Z", tick=False):
        used(acme, "work:1", 451_600, labels=FAST)
        answer = browser(acme).get(f"/usage?{query}")

    assert answer.status_code == 200
    assert said in text(answer)
    assert "$0.45<small>16</small>" in text(answer)


def test_before_any_charge_the_page_says_what_will_stand_there(
    acme: Organization, browser: Browser
) -> None:
    page = text(browser(acme).get("/usage"))
    assert "Nothing was charged in these days" in page
    assert 'class="chart"' not in page


def test_the_files_have_what_the_page_shows(
    acme: Organization, browser: Browser, june: None
) -> None:
    client = browser(acme)
    page = text(client.get(f"{JUNE}&end_user_id=u_1"))
    links = re.findall(r'href="(/usage[^"]*csv\?[^"]+)"', page)

    sums = []
    for link, column in zip(links, ("charged_usd", "BilledCost"), strict=True):
        answer = client.get(link.replace("&amp;", "&"))
        lines = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
        sums.append([row[column] for row in csv.DictReader(io.StringIO(lines))])

    assert sums == [["0.4516"], ["0.4516"]]
    assert client.get("/usage.csv?from=yesterday").status_code == 400


@pytest.mark.parametrize("path", ["/usage", "/usage.csv", "/usage/focus.csv"])
def test_only_who_reads_money_sees_it(acme: Organization, browser: Browser, path: str) -> None:
    for role in Role:
        allowed = role in {Role.OWNER, Role.ADMIN, Role.BILLING}
        client = browser(acme, role)
        assert client.get(path).status_code == (200 if allowed else 403), role
        assert ('href="/usage"' in text(client.get("/gallery"))) == allowed, role
    assert Client().get(path).status_code == 302


def test_nothing_on_the_page_is_inline(acme: Organization, browser: Browser, june: None) -> None:
    page = text(browser(acme).get(JUNE))
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script>", page)


def test_a_person_without_an_organization_makes_one_first(
    page_for: Callable[[User], Client], member_of: Callable[..., User], acme: Organization
) -> None:
    person = member_of(acme)
    person.memberships.all().delete()
    assert page_for(person).get("/usage").url == "/organizations/new"  # type: ignore[attr-defined]


@pytest.mark.tampers  # days without the records that they are of
@pytest.mark.parametrize("count", [10, 1000])
@pytest.mark.parametrize("group", ["model", "member", "end_user_id"])
def test_the_page_costs_the_same_however_much_was_used(
    acme: Organization, browser: Browser, count: int, group: str
) -> None:
    UsageDay.objects.bulk_create(
        UsageDay(
            organization=acme, day=FIRST + timedelta(days=number % 30), end_user_id=f"u_{number}",
            labels=FAST, records_count=1, seconds=4, amount_microusd=451_600,
        )
        for number in range(count)
    )  # fmt: skip
    client, path = browser(acme), f"{JUNE}&group_by={group}"
    client.get(path)

    with CaptureQueriesContext(connection) as queries:
        page = client.get(path)

    assert len(queries) <= 12, "\n".join(query["sql"][:160] for query in queries)
    assert len(page.content) < 300_000


# -- the chart ------------------------------------------------------------------------------------
def series(*values: str) -> list[chart.Series]:
    return [chart.Series(value, f"<{value}>", f"?model={value}&x=1") for value in values]


def parts(drawn: chart.Chart | None) -> list[tuple[str, float, float]]:
    """(what is said of it, its top, its height) of each part that is drawn."""
    assert drawn is not None
    found = re.findall(r'y="([^"]+)" width="[^"]+" height="([^"]+)"><title>([^<]+)<', drawn.svg)
    return [(html.unescape(said), float(top), float(height)) for top, height, said in found]


def test_parts_stand_on_each_other_to_scale() -> None:
    drawn = chart.stacked(
        FIRST,
        FIRST + timedelta(days=2),
        [
            (FIRST, "a", 10_000_000),
            (FIRST, "b", 5_000_000),
            (FIRST + timedelta(days=1), "b", 20_000_000),
        ],
        series("b", "a"),
    )

    (b, b_top, b_height), (all_b, top, height), (a, a_top, a_height) = parts(drawn)
    assert (b, all_b) == ("1 June, <b>: $5.0000", "2 June, <b>: $20.0000")
    assert a == "1 June, <a>: $10.0000"
    assert b_height * 4 == pytest.approx(height, abs=0.05)
    assert b_height * 2 == pytest.approx(a_height, abs=0.05)
    assert a_top + a_height == pytest.approx(b_top, abs=0.02)
    assert b_top + b_height == pytest.approx(top + height, abs=0.02)
    assert drawn is not None
    assert (drawn.highest.days, drawn.highest_microusd) == ("2 June", 20_000_000)
    for tick in ("$0", "$5", "$10", "$15", "$20"):
        assert f">{tick}</text>" in drawn.svg


def test_a_part_leads_to_its_own_and_nothing_of_it_is_markup() -> None:
    drawn = chart.stacked(FIRST, FIRST + timedelta(days=1), [(FIRST, "a", 1)], series("a"))

    assert drawn is not None
    assert '<a href="?model=a&amp;x=1" tabindex="-1"><rect class="s1"' in drawn.svg
    assert "1 June, &lt;a&gt;: $0.000001" in drawn.svg
    assert not re.search(r"style|script|desc|http", drawn.svg)


def test_more_values_than_series_share_the_last_which_leads_nowhere() -> None:
    values = ["a", "b", "c", "d", "e"]
    drawn = chart.stacked(
        FIRST, FIRST + timedelta(days=1), [(FIRST, value, 1) for value in values], series(*values)
    )

    assert drawn is not None
    assert drawn.words == ["<a>", "<b>", "<c>", "Others"]
    assert [said for said, _, _ in parts(drawn)][-1] == "1 June, Others: $0.000002"
    assert drawn.svg.count("<a ") == 3


def test_a_long_time_is_drawn_in_weeks() -> None:
    last = FIRST + timedelta(days=366)
    drawn = chart.stacked(
        FIRST, last, [(FIRST, "a", 1), (last - timedelta(days=1), "a", 2)], series("a")
    )

    assert drawn is not None
    assert drawn.is_weekly
    assert [said for said, _, _ in parts(drawn)] == [
        "1 June to 7 June, <a>: $0.000001",
        "31 May to 1 June, <a>: $0.000002",
    ]


def test_nothing_is_no_chart() -> None:
    assert chart.stacked(FIRST, FIRST + timedelta(days=1), [], []) is None
    assert chart.stacked(FIRST, FIRST + timedelta(days=1), [(FIRST, "a", 0)], series("a")) is None
