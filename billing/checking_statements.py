"""Proves the statements of closed days: their ranges, what was available, and the chain of their hashes."""

from collections.abc import Iterator, Sequence
from typing import Any

from billing import statement_files

_FIELDS = len(statement_files.NAMES)


class ClosedDays:
    """An organization's statements, proved as its transfers go by."""

    def __init__(self, organization: str, statements: Iterator[Sequence[Any]]) -> None:
        self.organization = organization
        self.rest = statements
        self.last_hash, self.last_number, self.available = "", 0, 0
        self._turn()

    def _turn(self) -> None:
        self.now = next(self.rest, None)
        if self.now is None:
            return
        _, _, day, first_number, _, _, _, _ = self.now
        self.running = statement_files.next_hash(
            self.last_hash,
            statement_files.canonical_head(
                organization=self.organization,
                day=day,
                first_number=first_number,
                available_before=self.available,
                previous_hash=self.last_hash,
            ),
        )

    def read(self, transfer: Sequence[Any], number: int, available: int) -> Iterator[str]:
        """`transfer` begins with the fields that a statement tells of it."""
        if self.now is None:
            return
        _, id, day, first_number, last_number, available_after, previous_hash, hash = self.now
        self.running = statement_files.next_hash(
            self.running, statement_files.canonical_transfer(transfer[:_FIELDS])
        )
        if number < last_number:
            return
        expected = (self.last_number + 1, number, available, self.last_hash)
        if (first_number, last_number, available_after, previous_hash) != expected:
            yield (
                f"statement {id} of {day} says transfers {first_number} to {last_number}, {available_after}"
                f" micro-dollars after {previous_hash or 'nothing'}, and the transfers say"
                f" {expected[0]} to {expected[1]}, {expected[2]} after {expected[3] or 'nothing'}"
            )
        elif hash != self.running:
            yield f"statement {id} of {day} has the hash {hash}, and its transfers have {self.running}"
        self.last_hash, self.last_number, self.available = hash, last_number, available
        self._turn()

    def end(self, newest: int) -> Iterator[str]:
        while self.now is not None:
            _, id, day, first_number, last_number, *_ = self.now
            yield (
                f"statement {id} of {day} says transfers {first_number} to {last_number},"
                f" and the newest is {newest}"
            )
            self.now = next(self.rest, None)
