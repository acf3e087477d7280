"""The page of usage shows what the API reports: bars, a table, and the same as files."""

import csv
import io
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import Organization, Role, User
from billing import chart
from tests.billing.moves import used
from tests.pages.conftest import text

FAST = {"model": "seedance-2.0-fast-text-to-video", "resolution": "480p"}
STANDARD = {"model": "seedance-2.0-text-to-video", "resolution": "720p"}
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


# -- the chart ------------------------------------------------------------------------------------
FIRST = date(2026, 6, 1)


def test_parts_stand_on_each_other_to_scale() -> None:
    drawn = chart.stacked(
        FIRST,
        FIRST + timedelta(days=2),
        [
            (FIRST, "a", 10_000_000),
            (FIRST, "b", 5_000_000),
            (FIRST + timedelta(days=1), "b", 20_000_000),
        ],
        ["b", "a"],
    )

    assert drawn is not None
    assert [tick.microusd for tick in drawn.ticks] == [
        0,
        5_000_000,
        10_000_000,
        15_000_000,
        20_000_000,
    ]
    assert [(part.name, part.y, part.height) for part in drawn.bars[0].parts] == [
        ("b", "184.50", "55.50"),
        ("a", "73.50", "111.00"),
    ]
    assert [(part.name, part.y, part.height) for part in drawn.bars[1].parts] == [
        ("b", "18.00", "222.00")
    ]
    assert drawn.highest == drawn.bars[1]


def test_more_names_than_series_share_the_last() -> None:
    names = ["a", "b", "c", "d", "e"]
    drawn = chart.stacked(
        FIRST, FIRST + timedelta(days=1), [(FIRST, name, 1) for name in names], names
    )

    assert drawn is not None
    assert drawn.names == ["a", "b", "c", "Others"]
    assert [(part.series, part.microusd) for part in drawn.bars[0].parts] == [
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 2),
    ]


def test_a_long_time_is_drawn_in_weeks() -> None:
    last = FIRST + timedelta(days=366)
    drawn = chart.stacked(FIRST, last, [(FIRST, "a", 1), (last - timedelta(days=1), "a", 2)], ["a"])

    assert drawn is not None
    assert drawn.is_weekly
    assert len(drawn.bars) == 53
    assert (drawn.bars[-1].first, drawn.bars[-1].last) == (date(2027, 5, 31), date(2027, 6, 1))
    assert sum(bar.microusd for bar in drawn.bars) == 3


def test_nothing_is_no_chart() -> None:
    assert chart.stacked(FIRST, FIRST + timedelta(days=1), [], []) is None
    assert chart.stacked(FIRST, FIRST + timedelta(days=1), [(FIRST, "a", 0)], ["a"]) is None
