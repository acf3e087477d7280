"""Prices on the operator's pages: a draft with last month at it, published once; a margin shown in prices, set once."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Organization, User
from generations import rate_cards
from generations.models import PlanMargin, RateAgreement, RateCard
from generations.operator_pages.rates import last_month
from tests.generations.test_price_simulation import made
from tests.pages.conftest import text

RULES = [
    {"name": f"{tier} {resolution}", "tier": tier, "resolution": resolution,
     "rate_usd_per_second": "0.2000", "cost_usd_per_second": "0.1000"}
    for tier in ("standard", "fast") for resolution in ("480p", "720p")
]  # fmt: skip
CARD = {"version": "2026-12", "note": "Dearer.", "rules": RULES}


def at(seconds: int = 600) -> str:
    return f"{timezone.now() + timedelta(seconds=seconds):%Y-%m-%dT%H:%M}"


def draft(staff: Client, **fields: Any) -> Any:
    return staff.post("/operator/rates", {"card": json.dumps({**CARD, **fields})})


def publish(staff: Client, **said: str) -> Any:
    """As the page's form does: with the draft that it shows."""
    page = staff.get("/operator/rates/2026-12").content.decode()
    shown = re.search(r'name="drafted_at" value="([^"]+)"', page)
    form = {"effective_from": at(), "reason": "why", "drafted_at": shown[1] if shown else ""}
    return staff.post("/operator/rates/2026-12", {**form, **said})


def test_a_draft_shows_last_month_at_its_prices_and_nobody_pays_by_it(
    acme: Organization, staff: Client
) -> None:
    last_month = timezone.now().replace(day=1) - timedelta(days=3)
    made(acme, at=last_month, seconds=10, cost=900_000)

    assert draft(staff).url == "/operator/rates/2026-12"
    page = text(staff.get("/operator/rates/2026-12"))

    for expected in ("$1.12", "$2.00", "A draft: nobody pays by it", "Acme"):
        assert expected in page, expected
    assert RateCard.objects.get(pk="2026-12").published_at is None


def test_it_is_published_once_and_says_who_did_it_and_why(
    acme: Organization, ann: User, staff: Client
) -> None:
    draft(staff)
    said = {"effective_from": at(), "reason": "The provider's prices rose"}

    first = publish(staff, **said)
    second = publish(staff, **said)

    assert (first.status_code, second.status_code) == (303, 400)
    assert "Rate card 2026-12 is published. Nothing was done." in text(second)
    (entry,) = AuditEntry.objects.filter(action="rate_card.published")
    assert (entry.organization, entry.actor, entry.target) == (None, ann, "2026-12")
    assert entry.after["reason"] == "The provider's prices rose"
    rate_cards.forget_cached()


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"effective_from": "soon"}, "Give a day and a time in UTC"),
        ({"effective_from": "2026-01-01T00:00"}, "at least 60 seconds from now"),
        ({"reason": ""}, "The reason must have"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_it_stays_a_draft(
    db: None, staff: Client, said: dict[str, str], complaint: str
) -> None:
    draft(staff)

    answer = publish(staff, **said)

    assert answer.status_code == 400
    assert complaint in text(answer)
    assert RateCard.objects.get(pk="2026-12").published_at is None


@pytest.mark.parametrize(
    ("card", "complaint"),
    [
        ("{", "This is no JSON"),
        ('{"version": "x"}', "rules must be a list"),
        ("", "Paste the card"),
    ],
)
def test_what_is_no_card_is_refused_with_what_was_typed(
    db: None, staff: Client, card: str, complaint: str
) -> None:
    answer = staff.post("/operator/rates", {"card": card})

    assert answer.status_code == 400
    assert complaint in text(answer)
    assert RateCard.objects.count() == 1


def test_a_card_that_leaves_something_without_a_price_cannot_be_published(
    db: None, staff: Client
) -> None:
    draft(staff, rules=RULES[:1])

    page = text(staff.get("/operator/rates/2026-12"))

    assert "It cannot be published so." in page
    assert "Publish it" not in page
    answer = staff.post("/operator/rates/2026-12", {"effective_from": at(), "reason": "why"})
    assert answer.status_code == 400


def test_a_draft_that_was_replaced_after_it_was_shown_is_not_published_unseen(
    db: None, staff: Client
) -> None:
    draft(staff)
    old = RateCard.objects.get(pk="2026-12").created_at.isoformat()
    dearer = [{**rule, "rate_usd_per_second": "0.9000"} for rule in RULES]
    draft(staff, rules=dearer)

    for drafted_at in (old, ""):
        answer = publish(staff, drafted_at=drafted_at)

        assert answer.status_code == 400
        assert "was replaced meanwhile: look at its prices first." in text(answer)
        assert "$0.90" in text(answer)
        assert RateCard.objects.get(pk="2026-12").published_at is None
        assert not AuditEntry.objects.filter(action="rate_card.published").exists()

    assert publish(staff).status_code == 303
    rate_cards.forget_cached()


MARGIN = {"payer": "standard", "basis_points": "1000", "reason": "Dearer"}


def test_a_margin_is_shown_in_prices_and_set_once(
    acme: Organization, rival: Organization, ann: User, staff: Client
) -> None:
    said = {**MARGIN, "effective_from": at()}

    shown = text(staff.post("/operator/rates/margin", {**said, "do": "preview"}))
    assert "$0.1412 → $0.1553" in shown
    assert PlanMargin.objects.count() == 1
    for _ in range(2):
        assert staff.post("/operator/rates/margin", {**said, "do": "set"}).status_code == 303

    assert PlanMargin.objects.filter(plan="standard").count() == 2
    assert PlanMargin.objects.order_by("-id")[0].margin_basis_points == 1000
    (entry,) = AuditEntry.objects.filter(action="plan_margin.set")
    assert (entry.actor, entry.after["reason"]) == (ann, "Dearer")
    rate_cards.forget_cached()


def test_another_margin_at_the_same_moment_is_told_that_it_was_not_set(
    db: None, staff: Client
) -> None:
    said = {**MARGIN, "effective_from": at(), "do": "set"}
    staff.post("/operator/rates/margin", said)

    answer = staff.post("/operator/rates/margin", {**said, "basis_points": "2000"})

    assert answer.status_code == 400
    assert "Another one begins at that very moment." in text(answer)
    assert PlanMargin.objects.filter(margin_basis_points=2000).count() == 0
    rate_cards.forget_cached()


def test_one_organization_pays_what_was_agreed_with_it(
    acme: Organization, rival: Organization, ann: User, staff: Client
) -> None:
    said = {**MARGIN, "payer": acme.pk, "basis_points": "-500", "effective_from": at()}
    shown = text(staff.post("/operator/rates/margin", {**said, "do": "preview"}))
    assert "Acme" in shown

    staff.post("/operator/rates/margin", {**said, "do": "set"})
    staff.post("/operator/rates/margin", {**said, "do": "set"})

    (agreement,) = RateAgreement.objects.all()
    assert (agreement.organization, agreement.margin_basis_points) == (acme, -500)
    (entry,) = AuditEntry.objects.filter(organization=acme, action="rates.agreed")
    assert entry.actor == ann
    rate_cards.forget_cached()


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"payer": "org_" + "0" * 32}, "No organization is called"),
        ({"payer": "Not a plan!"}, "Name an organization by its id, or a plan"),
        ({"basis_points": "-10000"}, "It must be -9999 to 100000"),
        ({"effective_from": "2026-01-01T00:00"}, "at least 60 seconds from now"),
    ],
)
def test_a_bad_margin_is_refused_at_its_field(
    db: None, staff: Client, said: dict[str, str], complaint: str
) -> None:
    answer = staff.post(
        "/operator/rates/margin", {**MARGIN, "effective_from": at(), "do": "set", **said}
    )

    assert answer.status_code == 400
    assert complaint in text(answer)
    assert PlanMargin.objects.count() == 1
    assert not RateAgreement.objects.exists()


def test_in_january_last_month_is_december(db: None) -> None:
    with time_machine.travel(datetime(2027, 1, 31, 12, tzinfo=UTC)):
        starts_at, ends_at = last_month(timezone.now())

    assert (starts_at.year, starts_at.month, ends_at.year, ends_at.month) == (2026, 12, 2027, 1)
