"""Prices are published once, in time for everybody to know them, and never change."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import Error, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from generations import catalog, rate_cards
from generations.errors import AlreadyPublished, NoRate, NotEnoughNotice
from generations.models import Generation, RateCard, RateRule
from generations.pricing import RateCard as Card
from generations.pricing import Rule
from seedance_saas.errors import InvalidRequest
from tests.generations.steps import BODY, TEXT, nothing_happened, refused
from tests.prices import LIST, flat, pass_notice, publish, soon
from tests.race import race
from tests.world import Api

FAST = catalog.find(TEXT)
assert FAST


def rate(organization: Organization) -> int:
    """Of a second of fast 480p, now."""
    assert FAST
    card = rate_cards.for_organization(organization, timezone.now())
    return card.rule_for(FAST, "480p").rate_microusd_per_second


# -- the seed -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_first_list_is_the_price_list_of_2026_05_28() -> None:
    assert rate_cards.list_card(LIST.effective_from) == LIST  # type: ignore[arg-type]


@pytest.mark.django_db
def test_before_the_first_list_there_is_no_price() -> None:
    assert LIST.effective_from

    with pytest.raises(NoRate, match="no price list"):
        rate_cards.list_card(LIST.effective_from - timedelta(microseconds=1))


# -- publish --------------------------------------------------------------------------------------


def test_a_new_list_holds_from_its_moment_on_and_not_before(
    acme: Organization, api: Api, clock: time_machine.Traveller
) -> None:
    rate_cards.draft(flat("2026-12", 200_000))
    rate_cards.publish("2026-12", effective_from=soon())
    rate_cards.forget_cached()
    before = api.post("/generations", BODY).json()["price"]

    pass_notice(clock)
    after = api.post("/generations", BODY).json()["price"]

    assert (before["rate_card"], before["rate_usd_per_second"]) == ("2026-05-28", "0.1129")
    assert (after["rate_card"], after["rate_usd_per_second"]) == ("2026-12", "0.2000")
    assert (after["rule"], after["held_usd"]) == ("flat", "0.8000")


def test_what_was_asked_for_before_is_charged_as_it_was_held(line: Any) -> None:
    generation = line.collecting()
    publish(flat("2026-12", 200_000), line.clock)

    line.sweep()

    line.charged(generation, 451_600)


def test_a_draft_is_nobodys_price(acme: Organization) -> None:
    rate_cards.draft(flat("2026-12", 200_000))

    rate_cards.forget_cached()

    assert rate(acme) == 112_900
    assert rate_cards.find("2026-12") is None


@pytest.mark.django_db
def test_a_draft_may_be_edited_until_it_is_published(clock: time_machine.Traveller) -> None:
    rate_cards.draft(flat("2026-12", 200_000))
    rate_cards.draft(flat("2026-12", 300_000))
    RateRule.objects.filter(card="2026-12").update(rate_microusd_per_second=400_000)
    rate_cards.publish("2026-12", effective_from=soon())

    with pytest.raises(AlreadyPublished):
        rate_cards.draft(flat("2026-12", 500_000))
    with pytest.raises(AlreadyPublished):
        rate_cards.publish("2026-12", effective_from=soon())

    pass_notice(clock)
    card = rate_cards.list_card(timezone.now())
    assert [rule.rate_microusd_per_second for rule in card.rules] == [400_000]


CHANGES = [
    "UPDATE generations_ratecard SET note = 'x' WHERE version = '2026-05-28'",
    "UPDATE generations_ratecard SET published_at = NULL, effective_from = NULL",
    "DELETE FROM generations_ratecard WHERE version = '2026-05-28'",
    "TRUNCATE generations_ratecard CASCADE",
    "UPDATE generations_raterule SET rate_microusd_per_second = 1 WHERE position = 1",
    "UPDATE generations_raterule SET card_id = 'draft' WHERE position = 1",
    "UPDATE generations_raterule SET card_id = '2026-05-28', position = 9 WHERE card_id = 'draft'",
    "DELETE FROM generations_raterule WHERE card_id = '2026-05-28'",
    "TRUNCATE generations_raterule",
    "INSERT INTO generations_raterule (card_id, position, name, tier, model, resolution,"
    " rate_microusd_per_second, cost_microusd_per_second)"
    " VALUES ('2026-05-28', 0, 'cheap', '', '', '', 1, 1)",
    "INSERT INTO generations_ratecard (version, is_list, note, created_at, effective_from,"
    " published_at) VALUES ('at once', true, '', now(), now() + interval '1 hour', now())",
    "UPDATE generations_planmargin SET margin_basis_points = 1",
    "DELETE FROM generations_planmargin",
    "TRUNCATE generations_planmargin",
    "TRUNCATE generations_rateagreement",
]


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_what_is_published(change: str) -> None:
    rate_cards.draft(flat("draft", 200_000))
    connection.check_constraints()

    with (
        pytest.raises(Error, match=r"is published|append-only|must begin as a draft"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)

    assert rate_cards.find("2026-05-28") == LIST


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [-60, 0, 59])
def test_prices_that_begin_too_soon_are_refused(
    seconds: int, clock: time_machine.Traveller
) -> None:
    rate_cards.draft(flat("2026-12", 200_000))

    with pytest.raises(NotEnoughNotice, match="at least 60 seconds"):
        rate_cards.publish("2026-12", effective_from=timezone.now() + timedelta(seconds=seconds))

    assert RateCard.objects.get(pk="2026-12").published_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["ratecard", "planmargin", "rateagreement"])
def test_a_commit_that_leaves_too_little_notice_is_refused(acme: Organization, table: str) -> None:
    rate_cards.draft(flat("2026-12", 200_000))
    sql = {
        "ratecard": "UPDATE generations_ratecard SET published_at = now(),"
        " effective_from = clock_timestamp() + interval '44 seconds' WHERE version = '2026-12'",
        "planmargin": "INSERT INTO generations_planmargin (plan, revision, margin_basis_points,"
        " effective_from, why, created_at)"
        " VALUES ('pro', 1, 0, clock_timestamp() + interval '44 seconds', '', now())",
        "rateagreement": "INSERT INTO generations_rateagreement (organization_id, revision,"
        " effective_from, why, created_at) SELECT id, 1,"
        " clock_timestamp() + interval '44 seconds', '', now() FROM accounts_organization",
    }[table]

    def change() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)

    with pytest.raises(IntegrityError, match="at least 45 seconds"):
        change()

    sql = sql.replace("44", "47")
    change()


@pytest.mark.django_db
def test_a_card_that_leaves_something_on_sale_without_a_price_stays_a_draft() -> None:
    only_fast = tuple(rule for rule in LIST.rules if rule.tier == "fast")
    rate_cards.draft(Card("2026-12", only_fast))

    with pytest.raises(InvalidRequest) as refusal:
        rate_cards.publish("2026-12", effective_from=soon())

    assert len(refusal.value.details["missing"]) == 6
    assert "seedance-2.0-text-to-video at 480p" in refusal.value.message
    assert RateCard.objects.get(pk="2026-12").published_at is None


@pytest.mark.django_db(transaction=True)
def test_a_rule_that_comes_beside_a_publication_is_in_it_or_refused() -> None:
    for number in range(5):
        version = f"2026-12.{number}"
        row = rate_cards.draft(flat(version, 200_000))
        begins = soon() + timedelta(seconds=number)
        extra = {"resolution": "480p", "cost_microusd_per_second": 1}

        published, added = race(
            [
                partial(rate_cards.publish, version, effective_from=begins),
                partial(
                    RateRule.objects.create,
                    card=row, position=0, name="late", rate_microusd_per_second=1, **extra,
                ),
            ]
        )  # fmt: skip

        assert isinstance(published, Card)
        names = list(row.rules.order_by("position").values_list("name", flat=True))
        assert [rule.name for rule in published.rules] == names
        assert ("late" in names) == isinstance(added, RateRule)


# -- rules ----------------------------------------------------------------------------------------


def test_the_first_rule_that_matches_wins(
    acme: Organization, api: Api, clock: time_machine.Traveller
) -> None:
    rules = (
        Rule("image", "", "seedance-2.0-fast-image-to-video", "", 300_000, 1),
        Rule("fast", "fast", "", "", 200_000, 1),
        Rule("small", "", "", "480p", 100_000, 1),
        Rule("rest", "", "", "", 400_000, 1),
    )
    publish(Card("2026-12", rules), clock)

    rates = {
        (model["id"], rate["resolution"]): (rate["rule"], rate["rate_usd_per_second"])
        for model in api.get("/models").json()["data"]
        for rate in model["rates"]
    }

    assert rates["seedance-2.0-fast-image-to-video", "480p"] == ("image", "0.3000")
    assert rates["seedance-2.0-fast-text-to-video", "480p"] == ("fast", "0.2000")
    assert rates["seedance-2.0-text-to-video", "480p"] == ("small", "0.1000")
    assert rates["seedance-2.0-text-to-video", "720p"] == ("rest", "0.4000")


def test_what_no_rule_matches_is_refused_and_not_shown(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_720p = Card("x", tuple(rule for rule in LIST.rules if rule.resolution == "720p"))
    monkeypatch.setattr(rate_cards, "for_organization", lambda organization, at: only_720p)

    refused(api.post("/generations", BODY), 400, "no_rate", "resolution")
    refused(api.post("/quotes", BODY), 400, "no_rate", "resolution")

    nothing_happened(acme)
    model = api.get(f"/models/{TEXT}").json()
    assert [rate["resolution"] for rate in model["rates"]] == ["720p"]


# -- what a process remembers ---------------------------------------------------------------------


def test_a_process_reads_prices_once_in_half_a_minute(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(rate_cards, "monotonic", lambda: now)

    def reads() -> int:
        with CaptureQueriesContext(connection) as queries:
            rate(acme)
        return len(queries)

    assert reads() == 3
    assert reads() == 0
    now += 29.9
    assert reads() == 0
    now += 0.1
    assert reads() == 3


def test_a_process_that_just_read_knows_a_new_price_before_it_begins(
    acme: Organization, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, started_at = timezone.now(), 1000.0
    monkeypatch.setattr(
        rate_cards, "monotonic", lambda: started_at + (timezone.now() - started).total_seconds()
    )
    assert rate(acme) == 112_900  # read a moment before the publication
    rate_cards.draft(flat("2026-12", 200_000))
    rate_cards.publish("2026-12", effective_from=timezone.now() + timedelta(seconds=60.5))

    seen = []
    for _ in range(62):
        clock.shift(1)
        seen.append(rate(acme))

    assert seen == [112_900] * 60 + [200_000] * 2
    assert Generation.objects.count() == 0
