"""The last proof of the books, for our own staff alone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from billing import checking
from billing.models import LedgerCheck
from tests.world import money

PATH = "/operator/ledger"


def test_a_proof_without_a_difference_says_so(acme: Organization, staff: Client) -> None:
    checking.check()

    page = staff.get(PATH).content.decode()

    assert "The books prove themselves." in page
    assert "more than a day old" not in page


@pytest.mark.tampers
def test_the_first_difference_stands_there_in_words(acme: Organization, staff: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_account SET balance_microusd = balance_microusd + 1 WHERE kind = 'grant'"
        )
    checking.check()

    page = staff.get(PATH).content.decode()

    assert money(acme) == (25_000_001, 0)
    assert LedgerCheck.objects.get().first_difference
    assert "25000001" in page.replace(",", "")
    assert "The books prove themselves." not in page


def test_a_proof_of_the_day_before_yesterday_is_late(acme: Organization, staff: Client) -> None:
    checking.check()
    LedgerCheck.objects.update(finished_at=timezone.now() - timedelta(days=2))

    assert "more than a day old" in staff.get(PATH).content.decode()


def test_without_any_proof_it_says_that(db: None, staff: Client) -> None:
    assert "never proved" in staff.get(PATH).content.decode()
