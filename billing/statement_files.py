"""The form of a statement, and how to verify one with nothing but the file. Needs Python alone.

    python -m billing.statement_files FILE...

A statement is lines of JSON. Each begins with its hash and has one thing beside it:

    {"hash":…,"statement":{"available_before_microusd","day","first_number","organization",
                           "previous_hash","version"}}
    {"hash":…,"transfer":{"amount_microusd","available_after_microusd","created_at","from","grant",
                          "hold","id","kind","number","reference","to"}}      one for each, by number
    {"hash":…,"end":{"available_after_microusd","last_number"}}

The canonical form, version 1, of the thing in a line: JSON without blanks, names in the order of the
alphabet, ASCII with \\u escapes, amounts as integers, `created_at` in UTC with six places and a Z. A line's
hash is SHA-256, in hexadecimal, over the hash before it followed by the canonical form; before the first
line it is the hash of the previous statement, empty for the first one. The statement's hash is that of
its last transfer, which the last line repeats.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

VERSION = 1
LINE_BYTES_MAX = 10_000
# SQL for the canonical form's fields, in its order; the transfer is called `transfer`.
TRANSFER_COLUMNS = """
    transfer.amount_microusd, transfer.available_after_microusd,
    to_char(transfer.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    transfer.from_account_id, transfer.grant_id, transfer.hold_id, transfer.id, transfer.kind,
    transfer.number, transfer.reference, transfer.to_account_id
"""
NAMES = (
    *("amount_microusd", "available_after_microusd", "created_at", "from", "grant", "hold", "id"),
    *("kind", "number", "reference", "to"),
)
NUMBER, AVAILABLE_AFTER = NAMES.index("number"), NAMES.index("available_after_microusd")
_encode = json.JSONEncoder(separators=(",", ":")).encode  # of what is in order already


def canonical_head(
    *, organization: str, day: date, first_number: int, available_before: int, previous_hash: str
) -> str:
    return _encode(
        {
            "available_before_microusd": available_before,
            "day": day.isoformat(),
            "first_number": first_number,
            "organization": organization,
            "previous_hash": previous_hash,
            "version": VERSION,
        }
    )


def canonical_transfer(columns: Sequence[Any]) -> str:
    """`columns` is what TRANSFER_COLUMNS selects."""
    return _encode(dict(zip(NAMES, columns, strict=True)))


def next_hash(before: str, canonical: str) -> str:
    return sha256((before + canonical).encode()).hexdigest()


def write(head: str, previous_hash: str, transfers: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a file."""
    last_hash = next_hash(previous_hash, head)
    yield f'{{"hash":"{last_hash}","statement":{head}}}\n'
    number = available_after = 0
    for columns in transfers:
        canonical = canonical_transfer(columns)
        last_hash = next_hash(last_hash, canonical)
        number, available_after = columns[NUMBER], columns[AVAILABLE_AFTER]
        yield f'{{"hash":"{last_hash}","transfer":{canonical}}}\n'
    end = _encode({"available_after_microusd": available_after, "last_number": number})
    yield f'{{"hash":"{last_hash}","end":{end}}}\n'


class BadStatement(Exception):
    """The first line that is not as it was written, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")


@dataclass(frozen=True)
class Verified:
    organization: str
    day: str
    first_number: int
    last_number: int
    available_after_microusd: int
    previous_hash: str
    hash: str


def verify(lines: Iterable[bytes], after: Verified | None = None) -> Verified:
    """Recompute everything that the lines of one file say. Raises BadStatement.

    With `after`, the file must go on where that one ended.
    """
    numbered = enumerate(lines, start=1)
    _, first = next(numbered, (1, b""))
    given_hash, head = _read(1, first, "statement")
    _expect_head(head, after)
    last_hash = _expect_hash(1, given_hash, head["previous_hash"], head)
    available, expected = head["available_before_microusd"], head["first_number"]
    line = 1
    for line, raw in numbered:
        if raw.startswith(b'{"hash":"' + last_hash.encode() + b'","end"'):
            _, end = _read(line, raw, "end")
            if end != {"available_after_microusd": available, "last_number": expected - 1}:
                raise BadStatement(line, "the last transfer is another one")
            break
        given_hash, transfer = _read(line, raw, "transfer")
        last_hash = _expect_hash(line, given_hash, last_hash, transfer)
        if transfer.get("number") != expected:
            raise BadStatement(line, f"its transfer must have the number {expected}")
        available += _change(line, transfer)
        if transfer["available_after_microusd"] != available:
            raise BadStatement(line, f"available after it are {available} micro-dollars")
        expected += 1
    else:
        raise BadStatement(line + 1, "the end is missing")
    if expected == head["first_number"]:
        raise BadStatement(line, "there is no transfer")
    for line, _ in numbered:
        raise BadStatement(line, "nothing may follow the end")
    return Verified(
        organization=head["organization"],
        day=head["day"],
        first_number=head["first_number"],
        last_number=expected - 1,
        available_after_microusd=available,
        previous_hash=head["previous_hash"],
        hash=last_hash,
    )


def _read(line: int, raw: bytes, name: str) -> tuple[str, dict[str, Any]]:
    """The hash and the thing. Only the one way to write it is accepted, so that nothing can hide."""
    try:
        read: dict[str, Any] = json.loads(raw) if len(raw) <= LINE_BYTES_MAX else {}
        given_hash, thing = read["hash"], read[name]
        written = f"{_encode({'hash': given_hash})[:-1]},{_encode({name: dict(sorted(thing.items()))})[1:]}\n"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadStatement(line, f"this is no {name}") from None
    if raw != written.encode():
        raise BadStatement(line, "it is not in the canonical form")
    return given_hash, thing


def _expect_head(head: dict[str, Any], after: Verified | None) -> None:
    kinds = {
        "available_before_microusd": int,
        "day": str,
        "first_number": int,
        "organization": str,
        "previous_hash": str,
        "version": int,
    }
    if {name: type(value) for name, value in head.items()} != kinds or head["version"] != VERSION:
        raise BadStatement(1, f"this is no statement of version {VERSION}")
    if after is None:
        return
    goes_on = (
        head["organization"] == after.organization
        and head["previous_hash"] == after.hash
        and head["first_number"] == after.last_number + 1
        and head["available_before_microusd"] == after.available_after_microusd
        and head["day"] > after.day
    )
    if not goes_on:
        raise BadStatement(1, f"it does not go on where the statement of {after.day} ended")


def _expect_hash(line: int, given: str, before: str, thing: dict[str, Any]) -> str:
    true = next_hash(before, _encode(thing))
    if given != true:
        raise BadStatement(line, "its hash is another one: it, or one before it, was changed")
    return true


def _change(line: int, transfer: dict[str, Any]) -> int:
    try:
        into, out_of = (str(transfer[way]).startswith("grant:") for way in ("to", "from"))
        return int(transfer["amount_microusd"]) * (into - out_of)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise BadStatement(line, "this is no transfer") from None


def verify_files(paths: Sequence[str]) -> Iterator[str]:
    """One sentence for each file of a chain. Raises BadStatement, its words beginning with the file's name."""
    before: Verified | None = None
    for path in paths:
        try:
            with open(path, "rb") as file:
                before = verify(bounded(file), before)
        except BadStatement as problem:
            problem.args = (f"{path}, {problem}",)
            raise
        yield (
            f"{path}: transfers {before.first_number} to {before.last_number} of {before.organization},"
            f" {before.day}, are as they were written. Hash {before.hash}"
        )


def bounded(file: Any) -> Iterator[bytes]:
    """The lines of a binary file. One that has no end in sight is cut, and then is no line of ours."""
    while line := file.readline(LINE_BYTES_MAX + 1):
        yield line


if __name__ == "__main__":
    try:
        for sentence in verify_files(sys.argv[1:]):
            sys.stdout.write(sentence + "\n")
    except (BadStatement, OSError) as problem:
        sys.exit(str(problem))
