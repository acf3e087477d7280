"""Credits that an operator gives: shown in numbers, given once, never more than the ceiling of a day."""

import time
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Organization, User
from billing import gifts, ledger
from billing.models import Grant
from tests.pages.conftest import signed_in, text
from tests.race import race
from tests.world import money

GIFT = "gift_" + "1" * 32
SAID = {"amount_usd": "12.50", "days": "30", "reason": "The outage of Monday"}


def give(staff: Client, organization: Organization, **said: str) -> Any:
    path = f"/operator/organizations/{organization.pk}/give"
    return staff.post(path, {**SAID, "id": GIFT, "do": "give", **said})


def given(organization: Organization) -> list[Grant]:
    return list(Grant.objects.filter(organization=organization, reference__startswith="gift:"))


def test_it_says_in_numbers_what_happens_and_does_nothing_yet(
    acme: Organization, staff: Client
) -> None:
    shown = staff.post(f"/operator/organizations/{acme.pk}/give", {**SAID, "do": "preview"})

    page = text(shown)
    assert shown.status_code == 200
    for expected in ("$25.00", "$12.50", "$37.50", "for 30 days", "The outage of Monday"):
        assert expected in page, expected
    assert given(acme) == []


def test_a_double_click_gives_once(acme: Organization, ann: User, staff: Client) -> None:
    assert give(staff, acme).status_code == 303
    assert give(staff, acme).status_code == 303

    (grant,) = given(acme)
    assert (grant.kind, grant.amount_microusd) == (Grant.Kind.PROMOTIONAL, 12_500_000)
    assert grant.expires_at is not None
    assert timedelta(days=29) < grant.expires_at - timezone.now() <= timedelta(days=30)
    assert money(acme) == (37_500_000, 0)
    entry = AuditEntry.objects.get(organization=acme, action="credits.given")
    assert (entry.actor, entry.target) == (ann, grant.id)
    assert entry.after == {"amount_usd": "12.5000", "days": 30, "reason": "The outage of Monday"}


def test_more_than_the_days_ceiling_is_refused_whoever_gives_it_in_how_many_pieces(
    acme: Organization, staff: Client
) -> None:
    give(staff, acme, amount_usd="999.99")

    for amount in ("0.02", "1000.01"):
        answer = give(staff, acme, amount_usd=amount, id="gift_" + "2" * 32)
        assert answer.status_code == 400
        assert "at most $0.01" in text(answer)
    assert len(given(acme)) == 1
    assert AuditEntry.objects.filter(action="credits.given").count() == 1


def test_what_is_no_amount_no_time_or_no_reason_stands_at_its_field(
    acme: Organization, staff: Client
) -> None:
    for said, complaint in (
        ({"amount_usd": "abc"}, "must be dollars"),
        ({"amount_usd": "0"}, "more than $0.00"),
        ({"days": "0"}, "The days must be 1 to 366."),
        ({"days": "367"}, "The days must be 1 to 366."),
        ({"reason": " "}, "The reason must have"),
        ({"id": "gift_1"}, "The form was not whole."),
    ):
        answer = give(staff, acme, **said)
        assert answer.status_code == 400, said
        assert complaint in text(answer), said
    assert given(acme) == []
    assert money(acme) == (25_000_000, 0)


def test_a_debt_is_paid_from_it_and_that_is_said_first(acme: Organization, staff: Client) -> None:
    ledger.claw_back(
        acme, amount_microusd=30_000_000, grants=list(acme.grants.all()), reference="r"
    )

    page = text(staff.post(f"/operator/organizations/{acme.pk}/give", {**SAID, "do": "preview"}))
    give(staff, acme)

    assert "Pays its debt first" in page
    assert money(acme) == (7_500_000, 0)


def test_who_showed_the_password_two_hours_ago_shows_it_again_and_then_goes_on(
    acme: Organization, ann: User, staff: Client
) -> None:
    signed_in(staff, ann, at=time.time() - 7200)

    answer = give(staff, acme)

    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/reauthenticate/")
    assert given(acme) == []
    again = staff.post(answer.url, {"password": "correct horse battery staple"})
    assert again.status_code == 303
    assert len(given(acme)) == 1


def test_two_gifts_at_once_keep_the_ceiling(
    transactional_db: None, acme: Organization, ann: User
) -> None:
    def gift(number: int) -> Any:
        return lambda: gifts.give(
            acme, id=f"gift_{number}", amount_cents=600_00, days=30, reason="twice", actor=ann
        )

    race([gift(1), gift(2)])

    assert [grant.amount_microusd for grant in given(acme)] == [600_000_000]
