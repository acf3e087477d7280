"""The page of a purchase tells the truth in every state, and the list and the file have all of ours."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization, Role, User
from billing import auto_top_ups, purchases
from billing.models import AutoTopUp, Purchase
from tests.billing.bought import bought, dispute, settle
from tests.billing.moves import hold
from tests.billing.top_ups import ASKS, DEAD, agree, save_card
from tests.pages.conftest import text
from tests.pages.shop import begun, form, paid
from tests.stripe_account import DECLINED, StripeAccount
from tests.world import money

Browser = Callable[..., Client]
RunQueue = Callable[[], int]
PART = {"HX-Request": "true"}


def plain(response: object) -> str:
    """The page without the marks around sub-cent digits."""
    page = text(response)
    for mark in ('<span class="money">', "<small>", "</small>", "</span>"):
        page = page.replace(mark, "")
    return page


def row(organization: Organization, state: str, **fields: Any) -> Purchase:
    now = timezone.now()
    return Purchase.objects.create(
        **{
            "organization": organization,
            "origin": "checkout",
            "state": state,
            "amount_cents": 50_00,
            "created_at": now,
            "due_at": now,
            **fields,
        }
    )


def topped_up(
    organization: Organization, account: StripeAccount, run_queue: RunQueue, card: str
) -> Purchase:
    save_card(account, organization, card)
    agree(organization)
    purchase = auto_top_ups.consider(organization)
    assert purchase is not None
    run_queue()
    purchase.refresh_from_db()
    return purchase


def test_paid_it_shows_credits_bonus_tax_card_receipts_and_the_new_balance(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)
    purchase = paid(client, stripe_account, pack="20000")

    page = plain(client.get(f"/billing/purchases/{purchase.id}"))

    assert "$200.00 of credits and $4.00 of bonus credits came in" in page
    assert "$229.0000 is available now" in page
    assert "<dt>Tax</dt> <dd>$0.00</dd>" in page
    assert "Visa •••• 4242" in page
    assert f'href="{purchase.receipt_url}"' in page
    assert f'href="{purchase.invoice_url}"' in page
    assert 'class="poll"' not in page
    assert "Go on paying" not in page


def test_while_the_webhook_is_late_it_asks_stripe_and_shows_the_answer_when_it_comes(
    acme: Organization, browser: Browser, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    client = browser(acme)
    purchase = begun(client)
    stripe_account.press(purchase.session_id)
    address = f"/billing/purchases/{purchase.id}?returned=1"
    Purchase.objects.update(due_at=timezone.now())

    waiting = plain(client.get(address))
    unchanged = client.get(f"{address}&seen=open--1", headers=PART)
    assert "Stripe is confirming your payment." in waiting
    assert f'hx-get="/billing/purchases/{purchase.id}?seen=open--1&amp;returned=1"' in waiting
    assert "Go on paying" not in waiting
    assert unchanged.status_code == 204
    assert run_queue() > 0

    part = plain(client.get(f"{address}&seen=open--1", headers=PART))
    assert "Paid." in part
    assert "$75.0000 is available now" in part
    assert 'id="side-balance"' in part
    assert 'class="poll"' not in part
    assert "<nav" not in part


def test_not_paid_yet_it_leads_on(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)
    purchase = begun(client)

    page = plain(client.get(f"/billing/purchases/{purchase.id}"))

    assert "Not paid yet, and nothing was charged." in page
    assert f'href="{purchase.session_url}"' in page
    assert "Go on paying $50.00" in page


def test_a_decline_says_what_was_declined_and_why(
    acme: Organization, browser: Browser, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    client = browser(acme)
    purchase = begun(client)
    stripe_account.press(purchase.session_id, DECLINED)
    stripe_account.deliver()
    run_queue()

    page = plain(client.get(f"/billing/purchases/{purchase.id}"))

    assert "The card was declined, and nothing was charged." in page
    assert "Your card was declined." in page
    assert "Tried with" in page
    assert "Go on paying $50.00" in page


def test_one_that_stripe_never_answered_goes_on_with_the_same_purchase(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)
    stripe_account.control("faults", status=503, times=9)
    client.post("/billing/buy", form())
    purchase = Purchase.objects.get()
    assert stripe_account.web("DELETE", "/control/faults").status_code == 200

    page = plain(client.get(f"/billing/purchases/{purchase.id}"))
    assert f'name="token" value="{purchase.token}"' in page
    assert "Go on paying $50.00" in page

    answer = client.post(
        "/billing/buy", {"token": purchase.token, "amount_usd": "$50.00", "do": "pay"}
    )
    purchase.refresh_from_db()
    assert answer.headers["Location"] == purchase.session_url
    assert Purchase.objects.count() == 1


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("processing", "Your payment is on its way."),
        ("closing", "Another purchase took its place."),
        ("expired", "Left without paying: nothing was charged."),
        ("failed", "Nothing was charged."),
    ],
)
def test_every_other_state_has_its_words(
    acme: Organization, browser: Browser, state: str, said: str
) -> None:
    purchase = row(acme, state)

    page = plain(browser(acme).get(f"/billing/purchases/{purchase.id}"))

    assert said in page
    assert ("Buy $50.00 of credits now" in page) == (state in ("expired", "failed"))
    assert ('class="poll"' in page) == (state in ("processing", "closing"))


def test_a_top_up_that_needs_the_person_is_bought_with_one_press_and_goes_on(
    acme: Organization, browser: Browser, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    failed = topped_up(acme, stripe_account, run_queue, ASKS)
    client = browser(acme)

    page = plain(client.get(f"/billing/purchases/{failed.id}"))
    assert "Your bank wants you to confirm the payment yourself." in page
    assert "Buy $50.00 of credits now" in page
    token = page.split('name="token" value="')[1].split('"')[0]

    answer = client.post(
        "/billing/buy", {"token": token, "last_paid_id": "", "amount_usd": "$50.00", "do": "pay"}
    )
    bought = Purchase.objects.get(session_url=answer.headers["Location"])
    stripe_account.press(bought.session_id, "4000002760003184")
    stripe_account.web(
        "POST", f"/c/pay/{bought.session_id}/authenticate", data={"answer": "complete"}
    )
    assert purchases.follow(bought).state == "paid"
    assert money(acme) == (75_000_000, 0)
    assert AutoTopUp.objects.get().suspension == ""


def test_a_top_up_whose_card_is_dead_leads_to_another_card(
    acme: Organization, browser: Browser, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    failed = topped_up(acme, stripe_account, run_queue, DEAD)
    AutoTopUp.objects.update(suspension="declined")

    page = plain(browser(acme).get(f"/billing/purchases/{failed.id}"))

    assert "Auto top-up is suspended until another card is saved." in page
    assert "Add another card at Stripe" in page


def test_refunds_and_disputes_stand_there_with_what_they_did_to_the_credits(
    acme: Organization,
    browser: Browser,
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    run_queue: RunQueue,
) -> None:
    purchase = bought(acme, member_of(acme), stripe_account, run_queue)
    stripe_account.client.v1.refunds.create({"payment_intent": purchase.intent_id, "amount": 50_00})
    settle(stripe_account, run_queue)
    hold(acme, "work:1", 170_000_000)
    dispute(stripe_account, purchase, amount=150_00)
    settle(stripe_account, run_queue)

    page = plain(browser(acme).get(f"/billing/purchases/{purchase.id}"))

    assert "Refunded" in page
    assert "Disputed: your bank has taken it back for now" in page
    assert "−$51.0000 withdrawn" in page
    assert "had been spent: debt" in page
    assert "In all, $200.0000 of these credits" in page


def test_the_receipt_is_of_what_was_paid_and_of_nothing_else(
    acme: Organization, rival: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)
    purchase = paid(client, stripe_account)
    address = f"/billing/purchases/{purchase.id}/receipt"

    sheet = plain(client.get(address))

    assert purchase.intent_id in sheet
    assert "<dt>Paid</dt><dd>$50.00</dd>" in sheet
    assert client.get(f"/billing/purchases/{row(acme, 'failed').id}/receipt").status_code == 404
    assert browser(rival).get(address).status_code == 404


def test_who_reads_and_does_not_buy_has_no_button(
    acme: Organization, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.roles.BUYERS", {Role.OWNER})
    purchase = row(acme, "expired")
    client = browser(acme, Role.BILLING)

    assert "Buy $50.00" not in plain(client.get(f"/billing/purchases/{purchase.id}"))
    assert 'action="/billing/buy"' not in plain(client.get("/billing"))
    assert client.post("/billing/buy", form()).status_code == 403


@pytest.mark.parametrize("page", ["", "/receipt", "?returned=1"])
def test_a_strangers_purchase_is_not_there(
    acme: Organization, rival: Organization, browser: Browser, page: str
) -> None:
    theirs = row(rival, "open")

    assert browser(acme).get(f"/billing/purchases/{theirs.id}{page}").status_code == 404
    assert theirs.id not in text(browser(acme).get("/billing/purchases"))


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/billing/purchases.csv{query}")
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content)))


def test_the_file_has_what_the_filter_shows(
    acme: Organization, rival: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)
    newest = paid(client, stripe_account, pack="20000")
    failed = row(acme, "failed", origin="auto_top_up", failure_code="lost_card")
    row(rival, "expired")

    assert [one["id"] for one in rows(client)] == [failed.id, newest.id]
    (only,) = rows(client, "?state=paid")
    assert (only["amount_usd"], only["bonus_usd"], only["total_usd"], only["card_last4"]) == (
        "200.0000",
        "4.0000",
        "200.0000",
        "4242",
    )
    assert [one["failure_code"] for one in rows(client, "?origin=auto_top_up")] == ["lost_card"]
    assert rows(client, "?until=2020-01-01") == []
    shown = text(client.get("/billing/purchases?state=paid"))
    assert newest.id in shown
    assert failed.id not in shown
    assert "/billing/purchases.csv?state=paid" in shown


def test_older_ones_come_by_a_link_with_as_many_queries_as_few(
    acme: Organization, browser: Browser
) -> None:
    client = browser(acme)
    row(acme, "expired")
    counts = []
    for more in (0, 60):
        for _ in range(more):
            row(acme, "expired")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            first = text(client.get("/billing/purchases"))
        counts.append(len(queries))

    link = first.split('id="more"><a class="btn" href="')[1].split('"')[0]
    second = text(client.get(link, headers=PART))

    assert counts[0] == counts[1]
    assert first.count('data-label="Paid with"') == 50
    assert second.count('data-label="Paid with"') == 11
    assert "<nav" not in second
    assert "Load more" not in second


def test_before_the_first_one_the_page_says_what_will_stand_there(
    acme: Organization, browser: Browser
) -> None:
    assert "Nothing was bought yet" in text(browser(acme).get("/billing/purchases"))
    assert "Nothing was bought yet" in text(browser(acme).get("/billing"))
    assert "Nothing fits this filter" in text(browser(acme).get("/billing/purchases?state=paid"))
