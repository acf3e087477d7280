"""`check_ledger` proves the books, and says in words what does not add up."""

import io
import logging

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Organization
from billing import ledger, tasks, usage
from billing.models import Grant, Transfer
from tests.billing.moves import hold

pytestmark = pytest.mark.tampers


@pytest.fixture
def books(acme: Organization) -> Organization:
    """$25.00 bought, $3.00 held, of which $1.00 was captured for 4 seconds; $2.00 held and open."""
    hold(acme, "work:1", 3_000_000)
    usage.record(ledger.capture(acme, "work:1", amount_microusd=1_000_000), seconds=4, labels={})
    hold(acme, "work:2", 2_000_000)
    return acme


def tamper(statement: str) -> None:
    """Past the triggers and constraints that are on the way, as only a superuser can."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")


@pytest.mark.django_db(transaction=True)
def test_books_that_add_up_pass(books: Organization, rival: Organization) -> None:
    said = io.StringIO()

    call_command("check_ledger", stdout=said)

    assert said.getvalue() == "The ledger adds up: 6 transfers.\n"


@pytest.mark.parametrize(
    ("statement", "sentences"),
    [
        (
            "UPDATE billing_account SET balance_microusd = balance_microusd + 1 WHERE kind = 'grant'",
            ["account {grant} says 22000001 micro-dollars and its transfers say 22000000"],
        ),
        (
            "UPDATE billing_account SET balance_microusd = balance_microusd + 1 WHERE kind = 'held'",
            [
                "account held:{organization} says 2000001 micro-dollars and its transfers say 2000000",
                "{organization} holds 2000001 micro-dollars, and its open holds are 2000000",
            ],
        ),
        (
            "UPDATE billing_account SET balance_microusd = 1 WHERE kind = 'debt'",
            ["account debt:{organization} says 1 micro-dollars and its transfers say 0"],
        ),
        (
            "UPDATE billing_wallet SET transfers_count = 6",
            [
                "wallet of {organization} counts 6 transfers, there are 5, and the newest has number 5"
            ],
        ),
        (
            "UPDATE billing_transfer SET number = 9 WHERE number = 5",
            [
                "wallet of {organization} counts 5 transfers, there are 5, and the newest has number 9"
            ],
        ),
        (
            "UPDATE billing_transfer SET available_after_microusd = 7 WHERE number = 3",
            [
                "transfer {third} says 7 micro-dollars are available after it, "
                "and the transfers up to it say 22000000"
            ],
        ),
        (
            "UPDATE billing_hold SET captured_microusd = 1000001 WHERE reference = 'work:1'",
            [
                "hold work:1 says 3000000 held, 1000001 captured, "
                "and its transfers say 3000000 held, 1000000 captured, 2000000 released",
                "usage of work:1 says 1000000 micro-dollars, and its hold captured 1000001",
            ],
        ),
        (
            "UPDATE billing_hold SET captured_microusd = 0, resolved_at = now() "
            "WHERE reference = 'work:2'",
            [
                "hold work:2 says 2000000 held, 0 captured, "
                "and its transfers say 2000000 held, 0 captured, 0 released",
                "{organization} holds 2000000 micro-dollars, and its open holds are 0",
            ],
        ),
        (
            "UPDATE billing_usagerecord SET amount_microusd = 999999",
            ["usage of work:1 says 999999 micro-dollars, and its hold captured 1000000"],
        ),
        (
            "UPDATE billing_usagerecord SET reference = 'work:3'",
            ["usage of work:3 says 1000000 micro-dollars, and its hold captured None"],
        ),
        (
            "UPDATE billing_grant SET amount_microusd = 26000000",
            ["grant {grant_id} was 26000000 micro-dollars, and its deposit is 25000000"],
        ),
        (
            "DELETE FROM billing_transfer WHERE number = 5",
            [
                "account {grant} says 22000000 micro-dollars and its transfers say 24000000",
                "account held:{organization} says 2000000 micro-dollars and its transfers say 0",
                "wallet of {organization} counts 5 transfers, there are 4, and the newest has number 4",
                "hold work:2 says 2000000 held, None captured, "
                "and its transfers say 0 held, 0 captured, 0 released",
            ],
        ),
    ],
)
def test_what_does_not_add_up_is_named(
    books: Organization, statement: str, sentences: list[str]
) -> None:
    grant = Grant.objects.get()
    names = {
        "organization": books.pk,
        "grant": grant.account_id,
        "grant_id": grant.id,
        "third": Transfer.objects.get(number=3).id,
    }
    tamper(statement)

    with pytest.raises(CommandError) as complaint:
        call_command("check_ledger")

    assert str(complaint.value).splitlines() == [
        "The ledger does not add up:",
        *[sentence.format(**names) for sentence in sentences],
    ]
    assert complaint.value.returncode == 1


def test_the_nightly_proof_logs_every_difference_as_an_error(
    books: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    tamper("UPDATE billing_wallet SET transfers_count = 6")

    tasks.check_ledger()

    assert caplog.record_tuples == [
        (
            "billing.tasks",
            logging.ERROR,
            f"ledger.difference wallet of {books.pk} counts 6 transfers, "
            "there are 5, and the newest has number 5",
        )
    ]
