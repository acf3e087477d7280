"""`check_ledger` proves the books, and says in words what does not add up."""

import io
import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from billing import ledger, statements, tasks, usage
from billing.checking import differences
from billing.models import (
    Grant,
    Invoice,
    LedgerCheck,
    MeterEvent,
    Reversal,
    Statement,
    Transfer,
    UsageRecord,
)
from tests.billing.moves import hold
from tests.world import make_user

pytestmark = pytest.mark.tampers
MONDAY = datetime(2026, 11, 16, 12, tzinfo=UTC)


@pytest.fixture
def books(acme: Organization) -> Organization:
    """$25.00 bought, $3.00 held, of which $1.00 was captured for 4 seconds; $2.00 held and open."""
    hold(acme, "work:1", 3_000_000)
    usage.record(
        acme, ledger.capture(acme, "work:1", amount_microusd=1_000_000), seconds=4, labels={}
    )
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

    assert re.fullmatch(r"The ledger adds up: 6 transfers, [0-9,]+ a second\.\n", said.getvalue())
    check = LedgerCheck.objects.get()
    assert (check.transfers_count, check.differences_count, check.first_difference) == (6, 0, "")
    assert check.started_at <= check.finished_at


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
                "transfer {fifth} has the number 9, and follows 4",
                "wallet of {organization} counts 5 transfers, there are 5, and the newest has number 9",
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
                "spending day {organization} organization {organization} {today} says 2000000 held and 1000000 charged,"
                " and its holds say 2000000 and 1000001",
            ],
        ),
        (
            "UPDATE billing_hold SET captured_microusd = 0, resolved_at = now() "
            "WHERE reference = 'work:2'",
            [
                "hold work:2 says 2000000 held, 0 captured, "
                "and its transfers say 2000000 held, 0 captured, 0 released",
                "spending day {organization} organization {organization} {today} says 2000000 held and 1000000 charged,"
                " and its holds say 0 and 1000000",
            ],
        ),
        (
            "UPDATE billing_usagerecord SET amount_microusd = 999999",
            [
                "usage of work:1 says 999999 micro-dollars, and its hold captured 1000000",
                "usage day {organization} {today}    {{}} says (1,4,1000000), and its records say (1,4,999999)",
                "meter event {usage} tells 1000000 of work:1, and the usage record says 999999 of work:1",
            ],
        ),
        (
            "UPDATE billing_usagerecord SET reference = 'work:3'",
            [
                "usage of work:3 says 1000000 micro-dollars, and its hold captured None",
                "meter event {usage} tells 1000000 of work:1, and the usage record says 1000000 of work:3",
            ],
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
                "hold work:2 says 2000000 held, and has no transfers",
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
        "fifth": Transfer.objects.get(number=5).id,
        "today": timezone.now().date(),
        "usage": UsageRecord.objects.get().id,
    }
    tamper(statement)

    assert differences() == [sentence.format(**names) for sentence in sentences]


def test_the_command_names_the_first_difference_and_the_number_of_all(books: Organization) -> None:
    tamper("UPDATE billing_wallet SET transfers_count = 6")
    tamper("UPDATE billing_grant SET amount_microusd = 26000000")
    every = io.StringIO()

    with pytest.raises(CommandError) as complaint:
        call_command("check_ledger", "--all", stderr=every)

    assert complaint.value.returncode == 1
    first = f"wallet of {books.pk} counts 6 transfers, there are 5, and the newest has number 5"
    head, named = str(complaint.value).split("\n")
    assert re.fullmatch(
        r"The ledger does not add up \(5 transfers, [0-9,]+ a second\)\. "
        r"2 differences; the first one:",
        head,
    )
    assert named == first
    assert every.getvalue().splitlines()[0] == first
    assert len(every.getvalue().splitlines()) == 2
    check = LedgerCheck.objects.get()
    assert (check.differences_count, check.first_difference) == (2, first)


def test_the_nightly_proof_logs_every_difference_as_an_error(
    books: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    tamper("UPDATE billing_wallet SET transfers_count = 6")

    tasks.check_ledger()

    assert caplog.record_tuples == [
        (
            "billing.checking",
            logging.ERROR,
            f"ledger.difference wallet of {books.pk} counts 6 transfers, "
            "there are 5, and the newest has number 5",
        )
    ]
    assert LedgerCheck.objects.get().differences_count == 1


@pytest.fixture
def every_kind(db: None) -> Organization:
    """Two closed days and an open one, with a transfer of each kind in the closed ones."""
    with time_machine.travel(MONDAY, tick=False) as clock:
        acme = Organization.objects.create(name="Acme")
        bought, gift = (
            ledger.deposit(
                acme,
                amount_microusd=amount,
                kind=kind,
                reference=f"purchase:{kind}",
                expires_at=expires_at,
            )
            for amount, kind, expires_at in (
                (9_000_000, Grant.Kind.PURCHASED, None),
                (2_000_000, Grant.Kind.PROMOTIONAL, MONDAY + timedelta(hours=1)),
            )
        )
        wanted = ledger.Wanted("work:1", 3_000_000, "ann", "mem_1", "key_1")
        ledger.hold(acme, [wanted], now=MONDAY)
        clock.shift(timedelta(hours=2))
        captured = ledger.capture(acme, "work:1", amount_microusd=1_000_000)
        usage.record(acme, captured, seconds=4, labels={"model": "fast"})
        clock.shift(timedelta(days=1))
        fields = {"reason": "a gift", "actor": make_user()}
        ledger.correct(bought, change_microusd=500_000, reference="correction:1", **fields)  # type: ignore[arg-type]
        ledger.claw_back(acme, amount_microusd=10_000_000, grants=[bought], reference="dispute:1")
        ledger.deposit(
            acme, amount_microusd=2_800_000, kind=Grant.Kind.INVOICE, reference="purchase:3"
        )
        ledger.reinstate(bought, amount_microusd=1_500_000, reference="dispute:1")
        take_back(pay_invoice(acme))
        clock.shift(timedelta(days=1))
        statements.close_missed_days(acme, today=timezone.now().date())
        ledger.deposit(
            acme, amount_microusd=4_000_000, kind=Grant.Kind.PURCHASED, reference="purchase:4"
        )
        ledger.hold(acme, [ledger.Wanted("work:2", 1_000_000)], now=timezone.now())
    assert Statement.objects.count() == 2
    assert differences() == []
    assert gift.expires_at is not None
    return acme


def pay_invoice(acme: Organization) -> Invoice:
    """$0.30 was used from the line, and paid, with half a cent more that rounding brought."""
    ledger.hold(acme, [ledger.Wanted("work:line", 2_600_000)], now=timezone.now())
    captured = ledger.capture(acme, "work:line", amount_microusd=2_104_999)
    usage.record(acme, captured, seconds=2, labels={"model": "fast"})
    event = MeterEvent.objects.get(meter="invoiced")
    invoice = Invoice.objects.create(
        organization=acme,
        stripe_id="in_1",
        state=Invoice.State.PAID,
        period_started_at=MONDAY,
        period_ended_at=timezone.now(),
        created_at=timezone.now(),
        usage_microusd=event.value_microusd,
        is_settled=True,
    )
    MeterEvent.objects.filter(pk=event.pk).update(invoice=invoice)
    ledger.receive_payment(
        acme,
        paid_microusd=event.value_microusd + 4_001,
        owed_microusd=event.value_microusd,
        reference=f"invoice:{invoice.id}",
    )
    return invoice


def take_back(invoice: Invoice) -> None:
    """Ten cents are refunded; of five that a bank has taken, two are forgiven."""
    for kind, state, source, target, amount in (
        ("refund", "succeeded", "write_off", "cash", 100_000),
        ("dispute", "lost", "receivable", "disputes", 50_000),
    ):
        row = Reversal.objects.create(
            invoice=invoice,
            kind=kind,
            stripe_id=f"{kind}_1",
            amount_cents=amount // 10_000,
            state=state,
            moves_count=1,
        )
        move(invoice, Transfer.Kind.CLAW_BACK, source, target, amount, f"{kind}:{row.id}")
    move(
        invoice, Transfer.Kind.WRITE_OFF, "write_off", "receivable", 20_000,
        f"forgiven:{invoice.id}:9",
    )  # fmt: skip
    Invoice.objects.filter(pk=invoice.pk).update(
        refunded_microusd=100_000, disputed_microusd=50_000, forgiven_microusd=20_000
    )


def move(
    invoice: Invoice, kind: Transfer.Kind, source: str, target: str, amount: int, reference: str
) -> None:
    ledger.rebook(
        invoice.organization,
        kind,
        from_account=source,
        to_account=target,
        amount_microusd=amount,
        reference=reference,
    )


@pytest.mark.thorough
def test_every_change_of_any_transfer_is_found(every_kind: Organization) -> None:
    kinds = set(Transfer.objects.values_list("kind", flat=True))
    assert kinds == set(Transfer.Kind.values)
    changes = (
        "amount_microusd = amount_microusd + 1",
        "available_after_microusd = available_after_microusd - 1",
        "number = number + 100",
        "from_account_id = CASE WHEN 'receivable' IN (from_account_id, to_account_id)"
        " THEN 'promotions' ELSE 'receivable' END",
        "to_account_id = CASE to_account_id WHEN 'breakage' THEN 'revenue' ELSE 'breakage' END",
        "kind = CASE WHEN kind IN ('write_off', 'payment') THEN 'expire' ELSE 'write_off' END",
        "grant_id = 'grt_other'",
        "hold_id = CASE WHEN hold_id IS NULL THEN 'hld_other' END",
        "organization_id = 'org_other'",
    )
    # A day that is not closed has no witness for the words and the time of what is of no hold.
    in_closed_days = (
        "created_at = created_at + interval '1 second'",
        "reference = reference || 'x'",
        "id = 'trf_o'",
    )
    closed = Statement.objects.latest("last_number").last_number
    for number in Transfer.objects.order_by("number").values_list("number", flat=True):
        for change in (*changes, *(in_closed_days if number <= closed else ())):
            update = f"UPDATE billing_transfer SET {change} WHERE number = {number}"  # noqa: S608
            assert found_after(update), change
        delete = f"DELETE FROM billing_transfer WHERE number = {number}"  # noqa: S608
        assert found_after(delete)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_grant SET amount_microusd = amount_microusd + 1",
        "UPDATE billing_grant SET reference = reference || 'x'",
        "UPDATE billing_grant SET organization_id = 'org_other'",
        "DELETE FROM billing_grant",
        "UPDATE billing_hold SET amount_microusd = amount_microusd + 1",
        "UPDATE billing_hold SET reference = reference || 'x'",
        "UPDATE billing_hold SET organization_id = 'org_other'",
        "UPDATE billing_hold SET created_at = created_at + interval '1 second'",
        "UPDATE billing_hold SET end_user_id = 'bob'",
        "UPDATE billing_hold SET member_id = 'mem_2'",
        "UPDATE billing_hold SET api_key_id = ''",
        "DELETE FROM billing_hold",
        "UPDATE billing_hold SET captured_microusd = 1, resolved_at = now()",
        "INSERT INTO billing_hold SELECT 'hld_2', 'other:1', amount_microusd, captured_microusd, '', '', '',"
        " created_at, resolved_at, organization_id FROM billing_hold LIMIT 1",
        "UPDATE billing_usagerecord SET amount_microusd = 0",
        "UPDATE billing_usagerecord SET seconds = 5",
        "UPDATE billing_usagerecord SET end_user_id = 'bob'",
        "UPDATE billing_usagerecord SET settled_at = settled_at + interval '1 second'",
        "UPDATE billing_usagerecord SET labels = '{}'",
        "DELETE FROM billing_usagerecord",
        "UPDATE billing_usageday SET amount_microusd = amount_microusd + 1",
        "UPDATE billing_usageday SET seconds = seconds + 1",
        "UPDATE billing_usageday SET records_count = 2",
        "UPDATE billing_usageday SET end_user_id = 'bob'",
        "UPDATE billing_usageday SET day = day + 1",
        "DELETE FROM billing_usageday",
        "UPDATE billing_spendingday SET held_microusd = held_microusd + 1",
        "UPDATE billing_spendingday SET charged_microusd = 0",
        "UPDATE billing_spendingday SET day = day + 10",
        "UPDATE billing_spendingday SET subject_id = 'bob' WHERE scope = 'end_user'",
        "DELETE FROM billing_spendingday",
        "UPDATE billing_account SET balance_microusd = balance_microusd + 1 WHERE kind = 'grant'",
        "UPDATE billing_account SET balance_microusd = balance_microusd + 1 WHERE kind = 'held'",
        "UPDATE billing_account SET balance_microusd = balance_microusd + 1 WHERE kind = 'debt'",
        "DELETE FROM billing_account WHERE kind = 'grant'",
        "UPDATE billing_wallet SET transfers_count = transfers_count + 1",
        "DELETE FROM billing_wallet",
        "UPDATE billing_statement SET hash = previous_hash",
        "UPDATE billing_statement SET previous_hash = hash",
        "UPDATE billing_statement SET first_number = first_number + 1",
        "UPDATE billing_statement SET last_number = last_number - 1",
        "UPDATE billing_statement SET last_number = last_number + 100",
        "UPDATE billing_statement SET available_after_microusd = 1",
        "UPDATE billing_statement SET day = day + 10",
        "UPDATE billing_statement SET organization_id = 'org_other'",
        "DELETE FROM billing_statement WHERE first_number = 1",
        "UPDATE billing_invoice SET usage_microusd = usage_microusd + 1",
        "UPDATE billing_invoice SET is_settled = false",
        "UPDATE billing_invoice SET refunded_microusd = refunded_microusd + 1",
        "UPDATE billing_invoice SET disputed_microusd = disputed_microusd + 1",
        "UPDATE billing_invoice SET forgiven_microusd = forgiven_microusd - 1",
        "DELETE FROM billing_invoice",
        "UPDATE billing_reversal SET invoice_id = 'inv_other' WHERE kind = 'dispute'",
        "DELETE FROM billing_reversal WHERE kind = 'refund'",
        "UPDATE billing_meterevent SET value_microusd = value_microusd + 1 WHERE meter = 'invoiced'",
        "UPDATE billing_meterevent SET value_microusd = value_microusd + 1 WHERE meter = 'usage'",
        "UPDATE billing_meterevent SET reference = 'work:9' WHERE meter = 'invoiced'",
        "UPDATE billing_meterevent SET invoice_id = NULL",
        "DELETE FROM billing_meterevent WHERE meter = 'invoiced'",
    ],
)
def test_every_change_of_what_is_kept_is_found(every_kind: Organization, statement: str) -> None:
    assert found_after(statement)


def found_after(statement: str) -> list[str]:
    """The differences after `statement`, which is then undone."""
    mark = transaction.savepoint()
    tamper(statement)
    found = differences()
    transaction.savepoint_rollback(mark)
    return found
