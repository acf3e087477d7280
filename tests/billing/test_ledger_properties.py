"""Whatever happens in whatever order, the books stay right and agree with a model in plain Python."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Organization
from billing import ledger
from billing.checking import differences
from billing.errors import InDebt, InsufficientCredits
from billing.models import Account, Grant, Transfer
from tests.billing.moves import owe

NOW = timezone.now()
EXPIRIES = (None, NOW + timedelta(days=1), NOW + timedelta(days=9), NOW - timedelta(seconds=1))
NEVER = datetime.max.replace(tzinfo=NOW.tzinfo)
PRIORITIES = {"promotional": 10, "purchased": 50, "invoice": 90}


@dataclass
class Credits:
    grant: Grant
    left: int

    def usable(self, now: datetime) -> int:
        return self.left if (self.grant.expires_at or NEVER) > now else 0


@dataclass
class Book:
    """One organization as plain arithmetic."""

    organization: Organization
    credits: list[Credits] = field(default_factory=list)
    open: dict[str, list[tuple[Credits, int]]] = field(default_factory=dict)
    resolved: dict[str, int] = field(default_factory=dict)
    debt: int = 0
    running: list[int] = field(default_factory=list)  # available after each transfer

    def note(self) -> None:
        self.running.append(sum(credits.left for credits in self.credits))

    def deposit(self, grant: Grant) -> None:
        credits = Credits(grant, grant.amount_microusd)
        self.credits.append(credits)
        self.note()
        if repaid := min(self.debt, credits.left):
            self.debt -= repaid
            credits.left -= repaid
            self.note()

    def hold(self, reference: str, amount: int, now: datetime) -> None:
        slices = []
        for credits in sorted(
            self.credits,
            key=lambda credits: (
                PRIORITIES[credits.grant.kind],
                credits.grant.expires_at or NEVER,
                credits.grant.id,
            ),
        ):
            if taken := min(amount, credits.usable(now)):
                amount -= taken
                credits.left -= taken
                slices.append((credits, taken))
                self.note()
        self.open[reference] = slices

    def resolve(self, reference: str, amount: int) -> None:
        self.resolved[reference] = amount
        for credits, taken in self.open.pop(reference):
            captured = min(amount, taken)
            amount -= captured
            if captured:
                self.note()
            if taken > captured:
                credits.left += taken - captured
                self.note()


class Ledger(RuleBasedStateMachine):
    """Two organizations, and all that can happen to their money. Each run leaves nothing behind."""

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()

    def teardown(self) -> None:
        try:
            assert differences() == []
            assert everything_together() == 0
        finally:
            transaction.savepoint_rollback(self.savepoint)

    @initialize()
    def two_organizations(self) -> None:
        self.books = [Book(Organization.objects.create(name=name)) for name in ("Acme", "Rival")]
        self.count = 0
        for book in self.books:
            for expires_at in EXPIRIES:
                self.deposit(book, 7, "purchased", expires_at)

    def name(self) -> str:
        self.count += 1
        return f"work:{self.count}"

    def deposit(self, book: Book, amount: int, kind: str, expires_at: datetime | None) -> None:
        fields = {
            "amount_microusd": amount,
            "kind": Grant.Kind(kind),
            "reference": self.name(),
            "expires_at": expires_at,
        }
        grant = ledger.deposit(book.organization, **fields)  # type: ignore[arg-type]
        assert ledger.deposit(book.organization, **fields).pk == grant.pk  # type: ignore[arg-type]
        book.deposit(grant)

    @rule(
        which=st.integers(0, 1),
        amount=st.integers(1, 30),
        kind=st.sampled_from(sorted(PRIORITIES)),
        expires_at=st.sampled_from(EXPIRIES),
    )
    def credits_come_in(
        self, which: int, amount: int, kind: str, expires_at: datetime | None
    ) -> None:
        self.deposit(self.books[which], amount, kind, expires_at)

    @rule(which=st.integers(0, 1), amount=st.integers(1, 3))
    def money_is_taken_back(self, which: int, amount: int) -> None:
        book = self.books[which]
        owe(book.organization, self.name(), amount)
        book.debt += amount
        book.note()

    @rule(
        which=st.integers(0, 1),
        wanted=st.lists(st.integers(1, 12), min_size=1, max_size=3),
        days=st.sampled_from([0, 5]),
    )
    def work_is_asked_for(self, which: int, wanted: list[int], days: int) -> None:
        book, now = self.books[which], NOW + timedelta(days=days)
        asked = {self.name(): amount for amount in wanted}
        available = sum(credits.usable(now) for credits in book.credits)
        holds = [ledger.Wanted(reference, amount) for reference, amount in asked.items()]
        try:
            with transaction.atomic():
                ledger.hold(book.organization, holds, now=now)
        except InDebt:
            assert book.debt > 0
        except InsufficientCredits as refusal:
            told = (refusal.needed_microusd, refusal.available_microusd)
            assert told == (sum(wanted), available)
            assert book.debt == 0
            assert sum(wanted) > available
        else:
            assert book.debt == 0
            for reference, amount in asked.items():
                book.hold(reference, amount, now)

    @precondition(lambda self: any(book.open for book in self.books))
    @rule(data=st.data())
    def work_ends(self, data: st.DataObject) -> None:
        book = data.draw(st.sampled_from([book for book in self.books if book.open]))
        reference = data.draw(st.sampled_from(sorted(book.open)))
        held = sum(taken for _, taken in book.open[reference])
        amount = data.draw(st.integers(0, held))
        if amount or data.draw(st.booleans()):
            ledger.capture(book.organization, reference, amount_microusd=amount)
        else:
            ledger.release(book.organization, reference)
        book.resolve(reference, amount)

    @precondition(lambda self: any(book.resolved for book in self.books))
    @rule(data=st.data())
    def a_late_word_changes_nothing(self, data: st.DataObject) -> None:
        book = data.draw(st.sampled_from([book for book in self.books if book.resolved]))
        reference = data.draw(st.sampled_from(sorted(book.resolved)))
        again = ledger.capture(book.organization, reference, amount_microusd=1)
        assert again.captured_microusd == book.resolved[reference]

    @invariant()
    def the_model_agrees(self) -> None:
        for book in self.books:
            balance = ledger.balance(book.organization)
            held = sum(taken for slices in book.open.values() for _, taken in slices)
            assert balance.available_microusd == sum(
                credits.usable(NOW) for credits in book.credits
            )
            assert (balance.held_microusd, balance.debt_microusd) == (held, book.debt)
            accounts = Account.objects.filter(organization=book.organization, kind="grant")
            assert dict(accounts.values_list("grant", "balance_microusd")) == {
                credits.grant.id: credits.left for credits in book.credits
            }
            written = Transfer.objects.filter(organization=book.organization).order_by("number")
            assert list(written.values_list("number", "available_after_microusd")) == list(
                enumerate(book.running, start=1)
            )


def everything_together() -> int:
    """The sum of all accounts: the tenants' by their balances, ours by their transfers."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT sum(CASE WHEN kind = 'debt' THEN -balance_microusd
                                    ELSE balance_microusd END)
                    FROM billing_account WHERE organization_id IS NOT NULL)
                 + (SELECT coalesce(sum(amount_microusd), 0) FROM billing_transfer
                    JOIN billing_account AS ours ON ours.id = to_account_id
                    WHERE ours.organization_id IS NULL)
                 - (SELECT coalesce(sum(amount_microusd), 0) FROM billing_transfer
                    JOIN billing_account AS ours ON ours.id = from_account_id
                    WHERE ours.organization_id IS NULL)
            """
        )
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_random_histories_keep_the_books_right() -> None:
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
