"""A plan adds its margin to the list, and what was agreed with an organization comes before its plan."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditEntry, Organization
from generations import margins, pricing, rate_cards
from generations.errors import NotEnoughNotice
from generations.models import PlanMargin, RateAgreement
from seedance_saas.errors import InvalidRequest
from tests.generations.steps import BODY, TEXT, refused
from tests.prices import flat, pass_notice, publish, soon
from tests.world import Api


def rates(organization: Organization) -> tuple[str, int, str]:
    """The label, the rate of its last rule, and for us why."""
    card = rate_cards.for_organization(organization, timezone.now())
    return card.version, card.rules[-1].rate_microusd_per_second, card.basis


@pytest.fixture
def pro(acme: Organization, clock: time_machine.Traveller) -> Organization:
    """Acme, on a plan that pays 5 % more than the list."""
    margins.set_for_plan("pro", 500, effective_from=soon(), why="They are looked after.")
    pass_notice(clock)
    margins.put_on_plan(acme, "pro")
    return acme


def test_a_plan_pays_its_margin_and_the_others_do_not(
    pro: Organization, rival: Organization
) -> None:
    assert rates(pro) == ("2026-05-28/pro.1", 253_995, "list 2026-05-28 +500 bp, plan pro")
    assert rates(rival) == ("2026-05-28", 241_900, "list 2026-05-28 +0 bp, plan standard")


def test_the_label_is_kept_from_the_hold_to_the_receipt(pro: Organization, api: Api) -> None:
    quoted = api.post("/quotes", BODY).json()
    price = api.post("/generations", BODY).json()
    receipt = api.get(f"/generations/{price['id']}/receipt").json()
    shown = api.get(f"/models/{TEXT}").json()["rates"][0]

    for one in (quoted, price["price"], receipt, shown):
        assert one["rate_card"] == "2026-05-28/pro.1"
        assert one["rate_usd_per_second"] == "0.118545"
    assert price["price"]["held_usd"] == "0.47418"


def test_a_plans_new_margin_is_a_new_revision(
    pro: Organization, clock: time_machine.Traveller
) -> None:
    margins.set_for_plan("pro", -1000, effective_from=soon(), why="They grew.")
    assert rates(pro)[0] == "2026-05-28/pro.1"

    pass_notice(clock)

    assert rates(pro)[:2] == ("2026-05-28/pro.2", 217_710)


def test_a_margin_follows_the_list(pro: Organization, clock: time_machine.Traveller) -> None:
    publish(flat("2026-12", 200_000), clock)

    assert rates(pro)[:2] == ("2026-12/pro.1", 210_000)


def test_a_margin_of_ones_own_comes_before_the_plan(
    pro: Organization, rival: Organization, clock: time_machine.Traveller
) -> None:
    margins.agree(pro, margin_basis_points=-250, effective_from=soon(), why="Volume.")
    pass_notice(clock)

    assert rates(pro) == ("2026-05-28/own.1", 235_853, "list 2026-05-28 -250 bp, agreed: Volume.")
    assert rates(rival)[0] == "2026-05-28"


def test_a_card_of_ones_own_stays_when_the_list_moves(
    pro: Organization, rival: Organization, clock: time_machine.Traveller
) -> None:
    publish(flat("acme-1", 190_000), clock, is_list=False)
    assert rates(pro)[0] == "2026-05-28/pro.1"
    margins.agree(pro, card_version="acme-1", effective_from=soon(), why="Contract 7.")
    pass_notice(clock)
    publish(flat("2026-12", 500_000), clock)

    assert rates(pro) == ("acme-1", 190_000, "card acme-1, agreed: Contract 7.")
    assert rates(rival)[:2] == ("2026-12", 500_000)


def test_an_agreement_that_ends_leaves_the_plan(
    pro: Organization, clock: time_machine.Traveller
) -> None:
    margins.agree(pro, margin_basis_points=0, effective_from=soon(), why="A gift.")
    pass_notice(clock)
    assert rates(pro)[:2] == ("2026-05-28", 241_900)

    margins.agree(pro, effective_from=soon(), why="It ended.")
    pass_notice(clock)

    assert rates(pro)[0] == "2026-05-28/pro.1"


def test_an_agreement_is_one_audit_row_that_hides_our_margin(
    acme: Organization, clock: time_machine.Traveller
) -> None:
    margins.agree(acme, margin_basis_points=-250, effective_from=soon(), why="Volume.")

    entry = AuditEntry.objects.get(action="rates.agreed")
    assert (entry.organization, entry.target) == (acme, acme.id)
    assert entry.after.keys() == {"revision", "rate_card", "effective_from"}


def test_a_plan_without_prices_is_never_free(acme: Organization, api: Api) -> None:
    with pytest.raises(InvalidRequest, match="no prices"):
        margins.put_on_plan(acme, "gold")
    assert Organization.objects.get(pk=acme.pk).plan == "standard"
    Organization.objects.filter(pk=acme.pk).update(plan="gold")

    refused(api.post("/generations", BODY), 400, "no_rate", None)


def test_a_plan_is_changed_once_and_noted_once(pro: Organization) -> None:
    margins.put_on_plan(pro, "pro")

    entry = AuditEntry.objects.get(action="plan.changed")
    assert (entry.before, entry.after) == ({"plan": "standard"}, {"plan": "pro"})


@pytest.mark.parametrize(
    "change",
    [
        lambda acme: margins.set_for_plan("pro", 1, effective_from=timezone.now(), why=""),
        lambda acme: margins.agree(acme, effective_from=timezone.now(), why=""),
    ],
)
def test_margins_need_notice_too(
    acme: Organization, change: Callable[[Organization], object]
) -> None:
    with pytest.raises(NotEnoughNotice):
        change(acme)

    assert PlanMargin.objects.count() == 1
    assert not RateAgreement.objects.exists()


@pytest.mark.parametrize(
    "terms",
    [
        {"margin_basis_points": -10_000},
        {"margin_basis_points": 0, "card_version": "2026-05-28"},
        {"card_version": "draft"},
        {"card_version": "unknown"},
    ],
)
def test_what_cannot_be_agreed_is_refused(acme: Organization, terms: dict[str, object]) -> None:
    rate_cards.draft(flat("draft", 100_000))

    with pytest.raises(InvalidRequest):
        margins.agree(acme, effective_from=soon(), why="x", **terms)  # type: ignore[arg-type]

    assert not RateAgreement.objects.exists()


@pytest.mark.django_db
def test_the_database_refuses_a_margin_that_leaves_no_price() -> None:
    with pytest.raises(IntegrityError, match="margin_leaves_a_price"):
        PlanMargin.objects.create(
            plan="x", revision=1, margin_basis_points=-10_000, effective_from=soon(), why=""
        )


@pytest.mark.parametrize(
    ("rate", "basis_points", "paid"),
    [
        (112_900, 0, 112_900),
        (112_900, 500, 118_545),
        (141_203, 1, 141_217),  # 141217.1203
        (10_000, 5, 10_005),
        (1_000, 5, 1_001),  # 1000.5: half up
        (1_000, -5, 1_000),  # 999.5: half up
        (1_000, 4, 1_000),
        (1, -9_999, 1),  # never free
    ],
)
def test_margins_round_half_up_to_a_micro_dollar(rate: int, basis_points: int, paid: int) -> None:
    assert marked_up(rate, basis_points) == paid


@given(rate=st.integers(1, 10**9), basis_points=st.integers(-9_999, 100_000))
def test_a_rate_with_margin_is_the_nearest_micro_dollar(rate: int, basis_points: int) -> None:
    paid = marked_up(rate, basis_points)

    exact_times_10000 = rate * (10_000 + basis_points)
    assert paid >= 1
    assert paid == 1 or -5_000 < paid * 10_000 - exact_times_10000 <= 5_000


def marked_up(rate: int, basis_points: int) -> int:
    card = pricing.with_margin(
        flat("x", rate, cost=77),
        basis_points,
        version="x/y.1",
        effective_from=datetime(2026, 1, 1, tzinfo=UTC),
        basis="",
    )
    assert card.rules[0].cost_microusd_per_second == 77
    return card.rules[0].rate_microusd_per_second
