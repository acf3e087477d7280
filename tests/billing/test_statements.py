"""A day's transfers are closed once, chained to the day before, and verified by their files alone."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import Organization, User
from billing import statement_files, statements, tasks
from billing.models import Grant, Statement, Transfer
from tests.billing.moves import hold
from tests.world import Api, deposit

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> object:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def acme(clock: time_machine.Traveller, db: None) -> Organization:
    """$25.00 on the 16th, a hold of $1.00 on the 17th, nothing on the 18th, $2.00 on the 19th; now the 20th."""
    acme = Organization.objects.create(name="Acme")
    deposit(acme, "25.00", reference='purchase:\u00e9\u2603"x"')
    clock.shift(DAY)
    hold(acme, "work:1", 1_000_000)
    clock.shift(2 * DAY)
    deposit(acme, "2.00", kind=Grant.Kind.PROMOTIONAL)
    clock.shift(DAY)
    return acme


def rows() -> list[tuple[str, int, int, int]]:
    return [
        (str(s.day), s.first_number, s.last_number, s.available_after_microusd)
        for s in Statement.objects.order_by("day")
    ]


def files(folder: Path) -> list[str]:
    paths = []
    for statement in Statement.objects.order_by("day"):
        paths.append(folder / statements.file_name(statement))
        paths[-1].write_bytes(statements.export(statement))
    return [str(path) for path in paths]


def test_the_nightly_task_closes_every_missed_day_that_has_transfers(acme: Organization) -> None:
    tasks.close_statements()

    assert rows() == [
        ("2026-11-16", 1, 1, 25_000_000),
        ("2026-11-17", 2, 2, 24_000_000),
        ("2026-11-19", 3, 3, 26_000_000),
    ]
    first, second, third = Statement.objects.order_by("day")
    assert (first.previous_hash, second.previous_hash) == ("", first.hash)
    assert third.previous_hash == second.hash
    assert len({first.hash, second.hash, third.hash}) == 3


def test_a_repeat_closes_nothing_and_today_stays_open(
    acme: Organization, clock: time_machine.Traveller
) -> None:
    tasks.close_statements()
    deposit(acme, "1.00")
    before = list(Statement.objects.order_by("day").values())

    tasks.close_statements()
    again = statements.close_day(acme, date(2026, 11, 17))

    assert list(Statement.objects.order_by("day").values()) == before
    assert again == Statement.objects.get(day="2026-11-17")
    assert statements.close_day(acme, date(2026, 11, 18)) is None
    clock.shift(DAY)
    tasks.close_statements()
    assert rows()[3:] == [("2026-11-20", 4, 4, 27_000_000)]


def test_a_day_that_is_not_over_is_not_closed(acme: Organization) -> None:
    with pytest.raises(AssertionError):
        statements.close_day(acme, date(2026, 11, 20))
    assert rows() == []


def test_midnight_belongs_to_the_new_day(clock: time_machine.Traveller, acme: Organization) -> None:
    clock.move_to(datetime(2026, 11, 20, 23, 59, 59, 999_999, tzinfo=UTC))
    deposit(acme, "1.00")
    clock.move_to(datetime(2026, 11, 21, tzinfo=UTC))
    deposit(acme, "1.00")

    statements.close_day(acme, date(2026, 11, 20))

    assert rows() == [("2026-11-20", 1, 4, 27_000_000)]


def test_what_began_before_midnight_and_was_committed_after_the_closing_comes_next(
    clock: time_machine.Traveller, acme: Organization
) -> None:
    tasks.close_statements()
    hold(acme, "work:late", 1_000_000, now=NOON + DAY)

    tasks.close_statements()
    assert len(rows()) == 3
    clock.shift(DAY)
    tasks.close_statements()

    assert rows()[3:] == [("2026-11-20", 4, 4, 25_000_000)]


def test_every_organization_has_a_chain_of_its_own(acme: Organization) -> None:
    rival = Organization.objects.create(name="Rival")
    deposit(rival, "5.00")
    Organization.objects.create(name="Without a wallet")
    with time_machine.travel(NOON + 9 * DAY, tick=False):
        tasks.close_statements()

    theirs = Statement.objects.get(organization=rival)
    assert (theirs.first_number, theirs.last_number, theirs.previous_hash) == (1, 1, "")


def test_a_day_of_many_pieces_is_one_statement(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    monkeypatch.setattr(statements, "PIECE", 3)
    for _ in range(10):
        deposit(acme, "0.01")
    clock.shift(DAY)

    closed = statements.close_day(acme, date(2026, 11, 20))

    assert closed is not None
    read = statement_files.verify(statements.export(closed).splitlines(keepends=True))
    assert (read.first_number, read.last_number, read.hash) == (1, 13, closed.hash)


def test_statements_are_append_only(acme: Organization) -> None:
    tasks.close_statements()
    for change in ("UPDATE billing_statement SET hash = ''", "DELETE FROM billing_statement"):
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)
    assert len(rows()) == 3


def test_the_canonical_form_is_what_it_was_when_it_was_published() -> None:
    columns = (
        *(5, 7, "2026-11-16T12:00:00.000001Z", "cash", "grt_1", None, "trf_1", "deposit"),
        *(1, 'purchase:"é"', "grant:grt_1"),
    )
    head = statement_files.canonical_head(
        organization="org_1",
        day=date(2026, 11, 16),
        first_number=1,
        available_before=2,
        previous_hash="",
    )
    assert "".join(statement_files.write(head, "", [columns])) == (
        '{"hash":"' + H0 + '","statement":{"available_before_microusd":2,"day":"2026-11-16",'
        '"first_number":1,"organization":"org_1","previous_hash":"","version":1}}\n'
        '{"hash":"' + H1 + '","transfer":{"amount_microusd":5,"available_after_microusd":7,'
        '"created_at":"2026-11-16T12:00:00.000001Z","from":"cash","grant":"grt_1","hold":null,'
        '"id":"trf_1","kind":"deposit","number":1,"reference":"purchase:\\"\\u00e9\\"","to":"grant:grt_1"}}\n'
        '{"hash":"' + H1 + '","end":{"available_after_microusd":7,"last_number":1}}\n'
    )


H0 = "af3906a3ccf36f9a7531442e0285e38f868812a040b34133abd8e3eac4db56f5"
H1 = "5c2c3eef13c5ead94721fea724fe545e009bdfc8735e69133fbec3895e49871b"


def test_files_are_verified_one_by_one_and_as_a_chain(acme: Organization, tmp_path: Path) -> None:
    tasks.close_statements()
    paths = files(tmp_path)

    call_command("verify_statement", paths[1])
    call_command("verify_statement", *paths)

    with pytest.raises(CommandError, match=r"19\.jsonl, line 1: it does not go on where .* ended"):
        call_command("verify_statement", paths[0], paths[2])


def test_a_file_is_verified_without_the_product_and_its_database(
    acme: Organization, tmp_path: Path
) -> None:
    tasks.close_statements()
    paths = files(tmp_path)
    program = [sys.executable, "-S", "-E", str(ROOT / "billing" / "statement_files.py")]

    good = subprocess.run([*program, *paths], capture_output=True, text=True, check=True)
    Path(paths[1]).write_text(Path(paths[1]).read_text().replace("work:1", "work:2"))
    bad = subprocess.run([*program, *paths], capture_output=True, text=True, check=False)

    assert [line.split(": ")[0] for line in good.stdout.splitlines()] == paths
    assert bad.returncode == 1
    assert bad.stderr == (
        f"{paths[1]}, line 2: its hash is another one: it, or one before it, was changed\n"
    )


def test_every_changed_byte_is_found_and_its_line_named(acme: Organization, clock: object) -> None:
    statement = statements.close_day(acme, date(2026, 11, 19))
    assert statement is not None
    whole = statements.export(statement)
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 5
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises(statement_files.BadStatement) as problem:
            statement_files.verify(changed.splitlines(keepends=True))
        line = whole[:at].count(b"\n") + 1
        assert str(problem.value).startswith(f"line {line}: "), (at, str(problem.value))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lines: lines[:-1], "line 5: the end is missing"),
        (lambda lines: [*lines, b"\n"], "line 6: nothing may follow the end"),
        (lambda lines: [], "line 1: this is no statement"),
        (lambda lines: [lines[0], lines[-1]], "line 2: this is no transfer"),
        (lambda lines: lines[1:], "line 1: this is no statement"),
        (lambda lines: [lines[0], *lines[2:]], "line 2: its hash"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 2: its hash"),
        (lambda lines: [b"x" * 20_000], "line 1: this is no statement"),
        (lambda lines: [b"[" * 9_000], "line 1: this is no statement"),
        (lambda lines: [lines[0].replace(b'"', b' "', 1), *lines[1:]], "line 1: it is not in the"),
    ],
)
def test_lines_that_are_missing_moved_or_added_are_found(
    acme: Organization, change: Callable[[list[bytes]], list[bytes]], why: str
) -> None:
    statement = statements.close_day(acme, date(2026, 11, 19))
    assert statement is not None
    lines = statements.export(statement).splitlines(keepends=True)

    with pytest.raises(statement_files.BadStatement) as problem:
        statement_files.verify(change(lines))

    assert str(problem.value).startswith(why)


def test_a_file_whose_hashes_were_made_to_fit_must_still_add_up(acme: Organization) -> None:
    statement = statements.close_day(acme, date(2026, 11, 19))
    assert statement is not None
    head, *transfers, _ = [json.loads(line) for line in statements.export(statement).splitlines()]
    transfers[1]["transfer"]["amount_microusd"] += 1
    forged = statement_files.write(
        json.dumps(head["statement"], separators=(",", ":")),
        "",
        [tuple(line["transfer"].values()) for line in transfers],
    )

    with pytest.raises(
        statement_files.BadStatement, match="line 3: available after it are 23999999"
    ):
        statement_files.verify([line.encode() for line in forged])


def test_the_api_lists_and_gives_the_files(
    acme: Organization, api_for: Callable[[Organization], Api]
) -> None:
    tasks.close_statements()
    api = api_for(acme)

    listed = json.loads(api.get("/statements", limit="2").content)
    rest = json.loads(api.get("/statements", cursor=listed["next_cursor"]).content)
    newest = Statement.objects.get(day="2026-11-19")
    file = api.get(f"/statements/{newest.id}")

    assert [one["day"] for one in listed["data"] + rest["data"]] == [
        "2026-11-19", "2026-11-17", "2026-11-16",
    ]  # fmt: skip
    assert listed["data"][0] == {
        "id": newest.id,
        "object": "statement",
        "day": "2026-11-19",
        "first_number": 3,
        "last_number": 3,
        "available_after_usd": "26.0000",
        "previous_hash": newest.previous_hash,
        "hash": newest.hash,
        "created_at": "2026-11-20T12:00:00.000Z",
    }
    assert rest["data"][0]["previous_hash"] is None
    content = b"".join(file.streaming_content)  # type: ignore[attr-defined]
    assert content == statements.export(newest)
    assert file["Content-Disposition"] == 'attachment; filename="statement-2026-11-19.jsonl"'


def test_a_stranger_finds_no_statement(
    acme: Organization,
    api_for: Callable[[Organization], Api],
    page_for: Callable[[User], Client],
    member_of: Callable[..., User],
) -> None:
    tasks.close_statements()
    rival = Organization.objects.create(name="Rival")
    theirs, browser = api_for(rival), page_for(member_of(rival))
    id = Statement.objects.get(day="2026-11-19").id

    assert theirs.get(f"/statements/{id}").status_code == 404
    assert json.loads(theirs.get("/statements").content)["data"] == []
    assert browser.get(f"/statements/{id}").status_code == 404
    assert b"No day is closed yet" in browser.get("/statements").content


def test_the_page_lists_gives_and_verifies(
    acme: Organization, page_for: Callable[[User], Client], member_of: Callable[..., User]
) -> None:
    tasks.close_statements()
    browser = page_for(member_of(acme))
    newest = Statement.objects.get(day="2026-11-19")

    page = browser.get("/statements").content.decode()
    file = b"".join(browser.get(f"/statements/{newest.id}").streaming_content)  # type: ignore[attr-defined]

    assert page.index("19 Nov 2026") < page.index("17 Nov 2026") < page.index("16 Nov 2026")
    assert f'href="/statements/{newest.id}"' in page
    assert 'href="/statements"' in browser.get("/billing").content.decode()
    assert said(browser, file) == (200, "Transfers 3 to 3 of 2026-11-19 are as they were written.")
    assert said(browser, file.replace(b"2000000", b"3000000")) == (
        422,
        "This file was changed or is not a statement; "
        "line 2: its hash is another one: it, or one before it, was changed.",
    )
    assert Transfer.objects.count() == 3


def test_a_good_file_of_another_organization_is_not_ours(
    acme: Organization, page_for: Callable[[User], Client], member_of: Callable[..., User]
) -> None:
    tasks.close_statements()
    rival = Organization.objects.create(name="Rival")
    file = statements.export(Statement.objects.get(day="2026-11-19"))

    assert said(page_for(member_of(rival)), file) == (
        422,
        "The file adds up, and it is not a statement of this organization.",
    )


def said(browser: Client, file: bytes) -> tuple[int, str]:
    answer = browser.post("/statements", {"file": SimpleUploadedFile("s.jsonl", file)})
    page = answer.content.decode()
    return answer.status_code, page.split("erified.</strong>")[1].split("</p>")[0].strip()
