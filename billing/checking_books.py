"""The one pass over all transfers: what they come to, against what accounts, holds, grants, wallets and
statements say. Organization by organization, each forgotten when it ends: memory does not grow with the
number of transfers, only with the grants and the open holds of the largest organization.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection

from billing import statement_files
from billing.checking_statements import ClosedDays
from billing.models import Grant, Transfer

_PIECE = 2_000

# All four come in the database's own order of organizations: whatever its collation, they meet.
_ORGANIZATIONS = """
    SELECT organization.id, transfers_count FROM accounts_organization AS organization
    LEFT JOIN billing_wallet ON organization_id = organization.id ORDER BY organization.id
"""
_ACCOUNTS = """
    SELECT account.organization_id, account.id, account.kind, account.balance_microusd, grants.id,
           grants.kind, grants.amount_microusd, grants.reference, grants.organization_id
    FROM billing_account AS account LEFT JOIN billing_grant AS grants ON account_id = account.id
    WHERE account.organization_id IS NOT NULL ORDER BY account.organization_id, account.id
"""
_STATEMENTS = """
    SELECT organization_id, id, day, first_number, last_number, available_after_microusd,
           previous_hash, hash
    FROM billing_statement ORDER BY organization_id, day
"""
_TRANSFERS = f"""
    SELECT transfer.organization_id, {statement_files.TRANSFER_COLUMNS}, transfer.created_at,
           hold.organization_id, hold.reference, hold.amount_microusd, hold.captured_microusd,
           hold.created_at, hold.resolved_at
    FROM billing_transfer AS transfer LEFT JOIN billing_hold AS hold ON hold.id = hold_id
    ORDER BY transfer.organization_id, number
"""  # noqa: S608  # constants of ours

_TO_HOLD = {"hold": ("grant", "held"), "capture": ("held", "revenue"), "release": ("held", "grant")}
_SOURCES = {
    Grant.Kind.PURCHASED: "cash",
    Grant.Kind.PROMOTIONAL: "promotions",
    Grant.Kind.INVOICE: "receivable",
}
# From where to where a transfer of each kind may go.
_WAYS = {
    *((Transfer.Kind.DEPOSIT, source, "grant") for source in _SOURCES.values()),
    *((kind, *way) for kind, way in _TO_HOLD.items()),
    *(
        (Transfer.Kind.REINSTATE, source, "grant")
        for source in ("cash", "disputes", "receivable", "promotions")
    ),
    (Transfer.Kind.PAYMENT, "cash", "receivable"),
    # What went back of it: refunded, or taken back by a bank.
    (Transfer.Kind.CLAW_BACK, "write_off", "cash"),
    (Transfer.Kind.REINSTATE, "cash", "write_off"),
    (Transfer.Kind.CLAW_BACK, "receivable", "disputes"),
    (Transfer.Kind.REINSTATE, "disputes", "receivable"),
    (Transfer.Kind.WRITE_OFF, "receivable", "write_off"),
    (Transfer.Kind.WRITE_OFF, "write_off", "receivable"),
    (Transfer.Kind.REPAY, "grant", "debt"),
    (Transfer.Kind.EXPIRE, "grant", "breakage"),
    *(
        (Transfer.Kind.CLAW_BACK, source, target)
        for source in ("grant", "debt")
        for target in ("cash", "disputes", "receivable", "promotions")
    ),
    *((Transfer.Kind.CORRECTION, *way) for way in (("write_off", "grant"), ("grant", "write_off"))),
    *((Transfer.Kind.WRITE_OFF, source, "write_off") for source in ("grant", "held", "debt")),
    (Transfer.Kind.WRITE_OFF, "write_off", "debt"),
}


class _Transfer(NamedTuple):
    amount: int
    available_after: int
    created_at_text: str
    source: str
    grant: str | None
    hold: str | None
    id: str
    kind: str
    number: int
    reference: str
    target: str
    created_at: datetime
    hold_organization: str | None
    hold_reference: str
    hold_amount: int
    hold_captured: int | None
    hold_created_at: datetime
    hold_resolved_at: datetime | None


class Books:
    """Walks once; `transfers_count` says how far."""

    def __init__(self) -> None:
        self.transfers_count = 0

    def differences(self) -> Iterator[str]:
        """Every difference, in words, in the order in which the pass meets it. Within a transaction."""
        transfers, accounts, statements = (
            _Groups(query) for query in (_TRANSFERS, _ACCOUNTS, _STATEMENTS)
        )
        for id, counted in _rows(_ORGANIZATIONS):
            book = _Book(id, accounts.of(id), statements.of(id))
            for row in transfers.of(id):
                self.transfers_count += 1
                yield from book.read(_Transfer(*row[1:]))
            yield from book.end(counted)
        for group, what in (
            (transfers, "transfers"),
            (accounts, "accounts"),
            (statements, "statements"),
        ):
            if group.key is not None:
                yield f"{what} belong to {group.key}, and there is no such organization"


class _Hold:
    """What the transfers of one hold come to so far."""

    def __init__(self, said: _Transfer) -> None:
        self.said = said
        self.moved = dict.fromkeys(_TO_HOLD, 0)
        self.left: Counter[str | None] = Counter()  # of each grant

    def read(self, transfer: _Transfer) -> bool:
        """Whether it is resolved with this transfer."""
        self.moved[transfer.kind] += transfer.amount
        sign = 1 if transfer.kind == "hold" else -1
        self.left[transfer.grant] += sign * transfer.amount
        return sign < 0 and self.moved["hold"] <= self.moved["capture"] + self.moved["release"]

    def differences(self) -> Iterator[str]:
        said, moved = self.said, self.moved
        released = 0 if said.hold_captured is None else said.hold_amount - said.hold_captured
        if (said.hold_amount, said.hold_captured or 0, released) != tuple(moved.values()):
            yield (
                f"hold {said.hold_reference} says {said.hold_amount} held, {said.hold_captured} captured,"
                f" and its transfers say {moved['hold']} held, {moved['capture']} captured,"
                f" {moved['release']} released"
            )
        elif said.hold_captured is not None and any(self.left.values()):
            yield f"hold {said.hold_reference} did not give back to the grants that it took from"


class _Book:
    """One organization's transfers, read in their order."""

    def __init__(
        self, id: str, accounts: Iterator[Sequence[Any]], statements: Iterator[Sequence[Any]]
    ) -> None:
        self.id = id
        rows = list(accounts)
        self.accounts = {row[1]: row[2:] for row in rows}
        self.grants = {row[4]: row for row in rows if row[4]}
        self.closed = ClosedDays(id, statements)
        self.number = self.available = self.count = 0
        self.balances: dict[str, int] = defaultdict(int)
        self.deposits: dict[str | None, int] = defaultdict(int)
        self.holds: dict[str, _Hold] = {}
        # The grant and reference of the transfer before, if money came in with it.
        self.came_in: tuple[str | None, str] | None = None

    def read(self, transfer: _Transfer) -> Iterator[str]:
        self.count += 1
        if transfer.number != self.number + 1:
            yield f"transfer {transfer.id} has the number {transfer.number}, and follows {self.number}"
        self.number = transfer.number
        self.balances[transfer.source] -= transfer.amount
        self.balances[transfer.target] += transfer.amount
        source, target = transfer.source.partition(":")[0], transfer.target.partition(":")[0]
        self.available += transfer.amount * ((target == "grant") - (source == "grant"))
        if transfer.available_after != self.available:
            yield (
                f"transfer {transfer.id} says {transfer.available_after} micro-dollars are available"
                f" after it, and the transfers up to it say {self.available}"
            )
        if why := self._oddity(transfer, source, target):
            yield f"transfer {transfer.id} is a {transfer.kind} {why}"
        if transfer.hold is not None and transfer.kind in _TO_HOLD:
            hold = self.holds.setdefault(transfer.hold, _Hold(transfer))
            if hold.read(transfer):
                yield from hold.differences()
                del self.holds[transfer.hold]
        self.came_in = (
            (transfer.grant, transfer.reference)
            if transfer.kind in (Transfer.Kind.DEPOSIT, Transfer.Kind.REINSTATE)
            else None
        )
        if transfer.kind == Transfer.Kind.DEPOSIT:
            self.deposits[transfer.grant] += transfer.amount
        yield from self.closed.read(transfer, transfer.number, self.available)

    def _oddity(self, transfer: _Transfer, source: str, target: str) -> str | None:
        """What its row claims that cannot be."""
        if (transfer.kind, source, target) not in _WAYS:
            return f"from {transfer.source} to {transfer.target}"
        mine = {f"held:{self.id}", f"debt:{self.id}", f"grant:{transfer.grant}"}
        for account in (transfer.source, transfer.target):
            if ":" in account and account not in mine:
                return f"of an account that is not its own: {account}"
        if "grant" in (source, target) and transfer.grant not in self.grants:
            return f"of grant {transfer.grant}, which is not its organization's"
        if transfer.kind in _TO_HOLD:
            at = transfer.hold_created_at if transfer.kind == "hold" else transfer.hold_resolved_at
            claims = (transfer.hold_organization, transfer.hold_reference, at)
            if claims != (self.id, transfer.reference, transfer.created_at):
                return f"of {transfer.reference} at {transfer.created_at_text}, which its hold does not know"
        elif transfer.hold is not None:
            return "of a hold"
        elif (
            transfer.kind == Transfer.Kind.DEPOSIT
            and transfer.reference != self.grants[transfer.grant or ""][7]
        ):
            return f"for {transfer.reference}, and its grant came by another reference"
        elif (
            transfer.kind == Transfer.Kind.REPAY
            and (transfer.grant, transfer.reference) != self.came_in
        ):
            return f"for {transfer.reference}, and nothing came in by it just before"
        elif (
            transfer.kind == Transfer.Kind.DEPOSIT
            and _SOURCES.get(self.grants[transfer.grant or ""][5]) != source
        ):
            return f"from {source}, where such a grant does not come from"
        return None

    def end(self, counted: int | None) -> Iterator[str]:
        """What can be said only when there are no more."""
        for id, (kind, balance, *_) in self.accounts.items():
            moved = self.balances[id] * (-1 if kind == "debt" else 1)
            if balance != moved:
                yield f"account {id} says {balance} micro-dollars and its transfers say {moved}"
        if (counted or 0) != self.count or self.count != self.number:
            yield (
                f"wallet of {self.id} counts {counted or 0} transfers, there are {self.count},"
                f" and the newest has number {self.number}"
            )
        for hold in self.holds.values():
            yield from hold.differences()
        for grant, row in self.grants.items():
            if row[6] != self.deposits[grant]:
                yield f"grant {grant} was {row[6]} micro-dollars, and its deposit is {self.deposits[grant]}"
            if row[8] != self.id:
                yield f"grant {grant} says that it is of {row[8]}, and its account is of {self.id}"
        yield from self.closed.end(self.number)


class _Groups:
    """The rows of a query that is ordered by organization, one organization at a time."""

    def __init__(self, query: str) -> None:
        self._groups = groupby(_rows(query), key=itemgetter(0))
        self.key: str | None = None
        self._turn()

    def _turn(self) -> None:
        nothing: Iterator[Sequence[Any]] = iter(())
        self.key, self._rows = next(self._groups, (None, nothing))

    def of(self, organization: str) -> Iterator[Sequence[Any]]:
        """To be read to its end before the next one is asked for."""
        if self.key == organization:
            yield from self._rows
            self._turn()


def _rows(query: str) -> Iterator[Sequence[Any]]:
    """From a cursor on the server, in pieces."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query)
        while piece := cursor.fetchmany(_PIECE):
            yield from piece
