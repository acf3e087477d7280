"""The operator sees what a month would have brought at other prices, and publishes what was checked."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AuditEntry, Organization, User
from generations import margins, price_simulation, rate_card_files, rate_cards
from generations.models import Generation, RateAgreement, RateCard
from generations.price_simulation import Outcome, Usage
from generations.pricing import RateCard as Card
from generations.pricing import Rule
from seedance_saas.errors import InvalidRequest
from tests.prices import LIST, flat, pass_notice, soon

MAY = (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
FAST, STANDARD = "seedance-2.0-fast-text-to-video", "seedance-2.0-text-to-video"

BY = "ann@operator.example"


@pytest.fixture(autouse=True)
def ann(db: None) -> User:
    """Of our staff: she sits at the command line."""
    return User.objects.create_superuser(BY)


def made(
    organization: Organization,
    *,
    at: datetime = MAY[0],
    model: str = FAST,
    resolution: str = "480p",
    seconds: int = 10,
    cost: int | None = None,
    state: str = "succeeded",
) -> None:
    """A generation of the past, as its row tells it: no hold is behind it."""
    rate = 112_900 if model == FAST else 141_200
    Generation.objects.create(
        organization=organization,
        created_at=at,
        model=model,
        input={},
        resolution=resolution,
        rate_card="2026-05-28",
        rule="r",
        rate_microusd_per_second=rate,
        cost_microusd_per_second=100_000,
        held_seconds=15,
        held_microusd=15 * rate,
        state=state,
        state_since=at,
        due_at=at,
        finished_at=at,
        billed_seconds=seconds if state == "succeeded" else None,
        charged_microusd=seconds * rate if state == "succeeded" else 0,
        upstream_cost_microusd=cost,
    )


def in_file(tmp_path: Path, card: Card, **fields: Any) -> str:
    rules = [
        {
            "name": rule.name,
            **{name: getattr(rule, name) or None for name in ("tier", "model", "resolution")},
            "rate_usd_per_second": f"{rule.rate_microusd_per_second / 1_000_000:.6f}",
            "cost_usd_per_second": f"{rule.cost_microusd_per_second / 1_000_000:.6f}",
        }
        for rule in card.rules
    ]
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"version": card.version, "rules": rules, **fields}))
    return str(path)


def later(seconds: int = 61) -> str:
    return (timezone.now() + timedelta(seconds=seconds)).isoformat()


# -- simulate -------------------------------------------------------------------------------------


def test_a_month_is_priced_again_by_model_and_by_organization(
    acme: Organization, rival: Organization
) -> None:
    made(acme, cost=900_000)
    made(acme, seconds=5)  # its cost is the rule's: 5 s at $0.10
    made(rival, model=STANDARD, cost=2_000_000)
    draft = Card(
        "draft",
        (Rule("f", "fast", "", "", 120_000, 90_000), Rule("s", "", "", "", 130_000, 110_000)),
    )

    found = price_simulation.replay(draft, *MAY)

    of_acme = Outcome("Acme", 2, 15, 1_693_500, 1_400_000, 1_800_000, 1_350_000)
    of_rival = Outcome("Rival", 1, 10, 1_412_000, 2_000_000, 1_300_000, 1_100_000)
    assert found.by_organization == [of_acme, of_rival]
    assert [(one.name, one.revenue_draft_microusd) for one in found.by_model] == [
        (FAST, 1_800_000),
        (STANDARD, 1_300_000),
    ]
    assert found.total == Outcome("total", 3, 25, 3_105_500, 3_400_000, 3_100_000, 2_450_000)
    assert found.total.margin_now_microusd == -294_500
    assert found.total.margin_draft_microusd == 650_000
    assert found.unpriced == []


def test_only_what_succeeded_in_that_month_counts(acme: Organization) -> None:
    made(acme, at=MAY[0] - timedelta(microseconds=1))
    made(acme, at=MAY[0])
    made(acme, at=MAY[1] - timedelta(microseconds=1))
    made(acme, at=MAY[1])
    made(acme, state="failed")

    assert price_simulation.replay(LIST, *MAY).total.generations == 2


def test_the_same_prices_bring_the_same_revenue(acme: Organization, rival: Organization) -> None:
    for seconds in range(4, 16):
        made(acme, seconds=seconds)
        made(rival, seconds=seconds, model=STANDARD)

    total = price_simulation.replay(LIST, *MAY).total

    assert total.revenue_draft_microusd == total.revenue_now_microusd == 114 * 254_100


def test_the_draft_is_the_list_under_everybodys_margin(
    acme: Organization, rival: Organization, clock: time_machine.Traveller
) -> None:
    margins.set_for_plan("pro", 1000, effective_from=soon(), why="x")
    margins.agree(rival, card_version="2026-05-28", effective_from=soon(), why="x")
    pass_notice(clock)
    margins.put_on_plan(acme, "pro")
    made(acme)
    made(rival)

    found = price_simulation.replay(flat("draft", 200_000), *MAY)
    on_pro = price_simulation.replay(flat("draft", 200_000), *MAY, plan="pro")

    assert [one.revenue_draft_microusd for one in found.by_organization] == [2_200_000, 1_129_000]
    assert [one.name for one in on_pro.by_organization] == ["Acme"]


def test_what_the_draft_does_not_price_is_named_and_not_counted() -> None:
    usage = Usage("org_1", "Acme", "standard", STANDARD, "480p", 1, 10, 1_412_000, 1_000_000)
    fast_alone = Card("draft", tuple(rule for rule in LIST.rules if rule.tier == "fast"))

    found = price_simulation.compare([usage], lambda one: fast_alone)

    assert found.unpriced == [usage]
    assert found.total == Outcome("total")


@pytest.mark.parametrize(
    ("text", "first", "next_first"),
    [
        ("2026-05", MAY[0], MAY[1]),
        ("2026-12", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_month_is_of_utc(text: str, first: datetime, next_first: datetime) -> None:
    assert price_simulation.month_of(text) == (first, next_first)


def test_the_command_prints_now_and_draft_and_writes_nothing(
    acme: Organization, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(acme, cost=900_000)
    path = in_file(tmp_path, flat("draft", 200_000, cost=100_000))

    call_command("simulate_rate_card", path, month="2026-05")

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    numbers = ["1", "10", "1.1290", "0.9000", "0.2290", "2.0000", "1.0000", "1.0000", "0.8710"]
    assert [FAST, *numbers] in lines
    assert ["Acme", *numbers] in lines
    assert ["total", *numbers] in lines
    assert not RateCard.objects.filter(pk="draft").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("month", ["may", "2026-13", "2026-05-01"])
def test_the_command_refuses_what_is_no_month(tmp_path: Path, month: str) -> None:
    with pytest.raises(CommandError):
        call_command("simulate_rate_card", in_file(tmp_path, LIST), month=month)


# -- publish --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_file_is_published_warned_of_and_logged(
    tmp_path: Path, ann: User, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = in_file(tmp_path, flat("2026-12", 200_000, cost=200_001), note="They rose.")

    with caplog.at_level("INFO"):
        call_command("publish_rate_card", path, by=BY, effective_from=later())

    out, err = capsys.readouterr()
    assert out.startswith("Published 2026-12, from ")
    assert err == "Warning: flat costs us $0.200001 per second, and the list pays $0.2000.\n"
    assert any(
        record.getMessage().startswith("rate_card.published version=2026-12 is_list=True")
        and record.getMessage().endswith("rules=flat:200000")
        for record in caplog.records
    )
    row = RateCard.objects.get(pk="2026-12")
    assert (row.note, row.is_list, row.published_at is None) == ("They rose.", True, False)
    entry = AuditEntry.objects.get(action="rate_card.published")
    assert (entry.organization, entry.actor, entry.target) == (None, ann, "2026-12")
    assert entry.after["reason"] == "They rose."


def test_a_plans_discount_below_cost_is_warned_of(
    acme: Organization,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    clock: time_machine.Traveller,
) -> None:
    margins.set_for_plan("bulk", -2000, effective_from=soon(), why="x")
    pass_notice(clock)

    call_command(
        "publish_rate_card",
        in_file(tmp_path, flat("2026-12", 200_000, cost=170_000)),
        by=BY,
        effective_from=later(),
    )

    expected = "Warning: flat costs us $0.1700 per second, and plan bulk pays $0.1600.\n"
    assert capsys.readouterr().err == expected


@pytest.mark.django_db
def test_what_was_published_is_not_published_again(tmp_path: Path) -> None:
    path = in_file(tmp_path, flat("2026-05-28", 1))

    with pytest.raises(CommandError, match="2026-05-28 is published"):
        call_command("publish_rate_card", path, by=BY, effective_from=later())

    assert rate_cards.list_card(timezone.now()) == LIST


@pytest.mark.django_db
@pytest.mark.parametrize(
    "at", ["soon", "2026-12-01", "2026-12-01T00:00:00", "2026-13-01T00:00:00Z"]
)
def test_a_beginning_is_a_time_with_its_offset(tmp_path: Path, at: str) -> None:
    with pytest.raises(CommandError):
        call_command("publish_rate_card", in_file(tmp_path, flat("x", 1)), by=BY, effective_from=at)

    assert not RateCard.objects.filter(pk="x").exists()


@pytest.mark.django_db
def test_a_publication_that_is_refused_leaves_no_draft(tmp_path: Path) -> None:
    fast_alone = Card("x", tuple(rule for rule in LIST.rules if rule.tier == "fast"))

    with pytest.raises(CommandError, match=r"no price for seedance-2\.0-text-to-video"):
        call_command(
            "publish_rate_card", in_file(tmp_path, fast_alone), by=BY, effective_from=later()
        )

    assert not RateCard.objects.filter(pk="x").exists()
    assert not AuditEntry.objects.exists()


RULE = {"name": "a", "rate_usd_per_second": "0.1", "cost_usd_per_second": "0.1"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "an object"),
        ({"version": "x", "rules": [RULE], "price": 1}, "an object"),
        ({"version": "a/b", "rules": [RULE]}, "version"),
        ({"version": "x", "rules": []}, "at least one rule"),
        ({"version": "x", "rules": [RULE, RULE]}, "a name of its own"),
        ({"version": "x", "rules": [{**RULE, "rate_usd_per_second": 0.1}]}, r"rate_usd_per_second"),
        ({"version": "x", "rules": [{**RULE, "rate_usd_per_second": "0"}]}, "more than nothing"),
        ({"version": "x", "rules": [{**RULE, "rate_usd_per_second": "0.1234567"}]}, "six places"),
        ({"version": "x", "rules": [{**RULE, "tier": "fastest"}]}, r"rules\[0\].tier"),
        ({"version": "x", "rules": [{**RULE, "colour": "red"}]}, r"rules\[0\] must have"),
        ({"version": "x", "rules": [{"name": "a"}]}, r"rules\[0\] must have"),
    ],
)
def test_a_file_that_says_something_else_is_refused(content: Any, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        rate_card_files.read(content)


# -- margins --------------------------------------------------------------------------------------


def test_the_operator_sets_margins_and_agreements(
    acme: Organization, clock: time_machine.Traveller
) -> None:
    call_command(
        "set_margin",
        plan="pro",
        basis_points=500,
        by=BY,
        effective_from=soon().isoformat(),
        why="x",
    )
    call_command(
        "set_margin",
        organization=acme.id,
        card="2026-05-28",
        by=BY,
        effective_from=soon().isoformat(),
        why="Frozen.",
    )

    assert [
        (row.action, row.organization, row.target) for row in AuditEntry.objects.order_by("id")
    ] == [("plan_margin.set", None, "pro"), ("rates.agreed", acme, acme.id)]
    pass_notice(clock)
    card = rate_cards.for_organization(acme, timezone.now())
    assert card.basis == "card 2026-05-28, agreed: Frozen."
    assert RateAgreement.objects.get().organization == acme
    told = AuditEntry.objects.filter(action__in=("plan_margin.set", "rates.agreed"))
    assert list(told.order_by("id").values_list("action", "target", "actor__email")) == [
        ("plan_margin.set", "pro", BY),
        ("rates.agreed", acme.pk, BY),
    ]


def test_nobody_but_staff_changes_prices_by_a_command(tmp_path: Path, ann: User) -> None:
    User.objects.update(is_staff=False)

    with pytest.raises(CommandError, match="nobody of our staff"):
        call_command(
            "publish_rate_card", in_file(tmp_path, flat("x", 1)), by=BY, effective_from=later()
        )
    with pytest.raises(CommandError, match="nobody of our staff"):
        call_command(
            "set_margin", plan="pro", basis_points=1, by=BY, effective_from=later(), why="x"
        )

    assert not RateCard.objects.filter(pk="x").exists()
    assert not AuditEntry.objects.filter(organization=None).exists()


@pytest.mark.parametrize(
    "terms",
    [
        {"plan": "pro", "card": "2026-05-28"},
        {"plan": "pro", "basis_points": -10_000},
        {"organization": "org_nobody", "basis_points": 1},
    ],
)
def test_the_operator_is_told_what_cannot_be_set(acme: Organization, terms: Any) -> None:
    with pytest.raises(CommandError):
        call_command("set_margin", **terms, by=BY, effective_from=later(), why="x")
