"""An invoice in numbers, itemised by end user from our own books: it sums to the invoice to the cent."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, Role
from billing import invoice_appendix
from billing.models import Invoice
from tests.billing.on_account import *  # noqa: F403  # its fixtures
from tests.billing.on_account import DAY, FEBRUARY, MARCH, OnAccount
from tests.pages.conftest import text
from tests.pages.test_purchases import plain
from tests.world import Api, deposit

pytestmark = pytest.mark.thorough

Browser = Callable[..., Client]


@pytest.fixture
def month(on_account: OnAccount) -> OnAccount:
    """$10.0000 of one's own credits first; then two end users and nobody use the line: $6.012346 of it."""
    acme = on_account
    acme.approve()
    deposit(acme.organization, "10.00")
    acme.use(12_000_000, held=12_000_000, end_user="u_jane")  # two of it on account
    acme.use(1_000_001, end_user="u_jane")
    acme.use(3_012_340, end_user="u_9f2c")
    acme.use(5)
    acme.work()
    return acme


def files(client: Client, invoice: Invoice, name: str = "usage.csv") -> list[dict[str, str]]:
    answer = client.get(f"/billing/invoices/{invoice.id}/{name}")
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content)))


def test_the_page_itemises_it_and_shows_the_rounding(month: OnAccount, browser: Browser) -> None:
    invoice = month.end_month()
    client = browser(month.organization)

    page = plain(client.get(f"/billing/invoices/{invoice.id}"))

    assert (invoice.amount_cents, invoice.usage_microusd) == (6_01, 6_012_346)
    assert page.index("u_9f2c") < page.index("u_jane")
    assert "$3.01234" in page
    assert "$3.000001" in page
    assert "No end user" in page
    assert "$6.012346 is $6.01 on the invoice" in page
    assert "<dd>−$0.002346</dd>" in page  # the rounding
    assert f'href="{invoice.hosted_url}"' in page
    assert f'href="{invoice.pdf_url}"' in page
    assert "Pay $6.01 at Stripe" in page
    assert "Other lines" not in page


def test_the_files_add_up_to_the_invoice(month: OnAccount, browser: Browser) -> None:
    invoice = month.end_month()
    client = browser(month.organization)

    by_user = files(client, invoice)
    lines = files(client, invoice, "usage_lines.csv")

    assert [(one["end_user_id"], one["generations"], one["seconds"]) for one in by_user] == [
        ("", "1", "4"),
        ("u_9f2c", "1", "4"),
        ("u_jane", "2", "8"),
    ]
    for rows in (by_user, lines):
        assert sum(Decimal(one["amount_usd"]) for one in rows) == Decimal("6.012346")
    assert len(lines) == 4
    assert {one["model"] for one in lines} == {"seedance-2.0-fast-text-to-video"}


def test_what_was_taken_back_is_given_back_on_the_next_one(
    month: OnAccount, browser: Browser
) -> None:
    january = month.end_month()
    month.pay()
    month.go_to(FEBRUARY + 3 * DAY)
    month.take_back("generation:gen_3")
    month.use(20_000_000, held=20_000_000, end_user="u_jane")
    month.work()
    february = month.end_month(MARCH)
    client = browser(month.organization)

    page = plain(client.get(f"/billing/invoices/{february.id}"))
    by_user = files(client, february)

    assert "−$3.01234" in page
    assert [(one["end_user_id"], one["amount_usd"]) for one in by_user] == [
        ("u_9f2c", "-3.01234"),
        ("u_jane", "20.0000"),
    ]
    appendix = invoice_appendix.read(february, limit=1)
    assert appendix.total.amount_microusd == february.usage_microusd == 16_987_660
    assert (appendix.others_count, appendix.others.amount_microusd) == (1, -3_012_340)
    assert sum(one.amount_microusd for one in invoice_appendix.uses(february)) == 16_987_660
    assert sum(Decimal(one["amount_usd"]) for one in files(client, january)) == Decimal("6.012346")


def test_pieces_of_the_files_leave_nothing_out(
    month: OnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = month.end_month()
    monkeypatch.setattr(invoice_appendix, "PIECE", 1)

    assert len(list(invoice_appendix.end_users(invoice))) == 3
    assert len(list(invoice_appendix.uses(invoice))) == 4


def test_the_line_and_its_invoices_stand_on_billing(month: OnAccount, browser: Browser) -> None:
    invoice = month.end_month()
    client = browser(month.organization)

    page = plain(client.get("/billing"))
    everything = plain(client.get("/billing/invoices"))

    assert "<b>$6.012346</b> used, not paid yet" in page
    assert "$100.00 limit" in page
    assert f'href="/billing/invoices/{invoice.id}">{invoice.number}</a>' in page
    assert f'href="/billing/invoices/{invoice.id}">{invoice.number}</a>' in everything


def test_an_overdue_one_says_what_it_closes_and_is_said_at_home(
    month: OnAccount, browser: Browser
) -> None:
    invoice = month.end_month()
    month.go_on(31 * DAY)
    invoice.refresh_from_db()
    assert invoice.state == "overdue"
    client = browser(month.organization)

    assert "$6.01 is overdue." in plain(client.get(f"/billing/invoices/{invoice.id}"))
    assert "Nothing new is held from it while an invoice is overdue." in plain(
        client.get("/billing")
    )
    home = plain(client.get("/"))
    assert "$6.01 of invoices overdue" in home
    assert "invoices overdue" not in text(browser(month.organization, Role.VIEWER).get("/"))


def test_the_page_asks_as_often_for_many_as_for_few(month: OnAccount, browser: Browser) -> None:
    january = month.end_month()
    month.pay()
    month.go_to(FEBRUARY + DAY)
    for number in range(30):
        month.use(10_000, held=10_000, end_user=f"user-{number}")
    month.work()
    february = month.end_month(MARCH)
    client = browser(month.organization)
    counts = []
    for invoice in (january, january, february):
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/billing/invoices/{invoice.id}")
        counts.append(len(queries))

    assert counts[1] == counts[2]


PLACES = ["", "/usage.csv", "/usage_lines.csv"]


@pytest.mark.parametrize("place", PLACES)
def test_a_strangers_invoice_is_not_there(
    month: OnAccount, rival: Organization, browser: Browser, place: str
) -> None:
    theirs = month.end_month()

    assert browser(rival).get(f"/billing/invoices/{theirs.id}{place}").status_code == 404
    assert theirs.id not in text(browser(rival).get("/billing/invoices"))
    assert (
        browser(month.organization, Role.VIEWER)
        .get(f"/billing/invoices/{theirs.id}{place}")
        .status_code
        == 403
    )


def test_the_api_lists_and_shows_them_and_a_stranger_finds_none(
    month: OnAccount, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    invoice = month.end_month()
    ours, stranger = api_for(month.organization), api_for(rival)

    listed = ours.get("/invoices").json()
    shown = ours.get(f"/invoices/{invoice.id}").json()
    usage = ours.get(f"/invoices/{invoice.id}/usage.csv")

    assert [one["id"] for one in listed["data"]] == [invoice.id]
    assert (shown["usage_usd"], shown["amount_usd"]) == ("6.012346", "6.0100")
    lines = b"".join(usage.streaming_content).decode()  # type: ignore[attr-defined]
    assert lines.count("\n") == 4
    assert stranger.get("/invoices").json()["data"] == []
    for path in (f"/invoices/{invoice.id}", f"/invoices/{invoice.id}/usage.csv"):
        assert stranger.get(path).status_code == 404
        assert stranger.get(path).json()["error"]["code"] == "not_found"


def test_what_went_back_of_it_is_said(month: OnAccount, browser: Browser) -> None:
    """Refunded in part: nothing is owed for that. Taken back by the bank: it is owed again."""
    invoice = month.end_month()
    month.pay()
    client, path = browser(month.organization), f"/billing/invoices/{invoice.id}"
    (charge,) = month.client.v1.charges.list({"customer": month.customer_id}).data
    month.client.v1.refunds.create({"charge": charge.id, "amount": 1_00})
    month.work()
    page = plain(client.get(path))
    assert "$1.0000 of it was refunded, tax not included; nothing is owed for that" in page
    assert "may be used from the line again" in page

    month.account.control("disputes", charge=charge.id, amount=5_01)
    month.work()

    page = plain(client.get(path))
    assert "Your bank took back $5.0100 of what was paid" in page
    assert "may be used from the line again" not in page
    assert "Paid, and taken back by your bank" in plain(client.get("/billing/invoices"))
