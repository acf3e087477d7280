"""Auto top-up on its page: asked once in numbers, kept when it is refused, and never silent about what stops it."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import AuditEntry, Organization, Role
from billing import auto_top_ups
from billing.models import AutoTopUp, Invoice, Purchase
from tests.billing.moves import hold, owe
from tests.billing.top_ups import ASKS, DEAD, agree, save_card
from tests.pages.conftest import text
from tests.pages.test_purchases import plain
from tests.stripe_account import StripeAccount

Browser = Callable[..., Client]
RunQueue = Callable[[], int]
SAID = {
    "threshold_usd": "20.00",
    "charge": "amount",
    "amount_usd": "100.00",
    "target_usd": "",
    "ceiling_usd": "250.00",
}


def test_it_asks_once_in_numbers_and_is_on_when_one_agrees(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    save_card(stripe_account, acme)
    client = browser(acme)

    asked = plain(client.post("/billing/auto-top-up", {**SAID, "do": "ask"}))

    assert not AutoTopUp.objects.exists()
    assert "May your card be charged like this?" in asked
    assert "<dd>$20.00</dd>" in asked
    assert "$100.00 comes when another $5.0000 is held or charged." in asked
    assert "<dd>$250.00</dd>" in asked
    for name, value in SAID.items():
        assert f'name="{name}" value="{value}"' in asked

    agreed = client.post("/billing/auto-top-up", {**SAID, "do": "agree"}, follow=True)

    top_up = AutoTopUp.objects.get()
    assert top_up.is_on
    assert (top_up.threshold_microusd, top_up.amount_cents, top_up.ceiling_cents) == (
        20_000_000,
        100_00,
        250_00,
    )
    assert AuditEntry.objects.filter(action="auto_top_up.set").count() == 1
    page = plain(agreed)
    assert "Next charge: $100.00 to Visa •••• 4242" in page
    assert "when another $5.0000 is held or charged" in page
    assert "$250.00 left: 2 more charges" in page


def test_what_would_be_charged_at_once_is_said_before(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    save_card(stripe_account, acme)

    asked = browser(acme).post("/billing/auto-top-up", {**SAID, "threshold_usd": "30", "do": "ask"})

    assert "Your card is charged $100.00 within a minute." in plain(asked)


def test_a_target_is_said_as_a_target(acme: Organization, browser: Browser) -> None:
    said = {**SAID, "charge": "target", "target_usd": "120.00", "amount_usd": "nonsense"}
    client = browser(acme)

    asked = plain(client.post("/billing/auto-top-up", {**said, "do": "ask"}))
    client.post("/billing/auto-top-up", {**said, "do": "agree"})

    assert "fill up to" in asked
    assert "No card is saved, so nothing is charged" in asked
    top_up = AutoTopUp.objects.get()
    assert (top_up.amount_cents, top_up.target_microusd) == (None, 120_000_000)


def test_going_back_keeps_everything_that_was_typed(acme: Organization, browser: Browser) -> None:
    page = text(browser(acme).post("/billing/auto-top-up", {**SAID, "do": "edit"}))

    for value in ("20.00", "100.00", "250.00"):
        assert f'value="{value}"' in page
    assert not AutoTopUp.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"threshold_usd": "0"}, "th", "The threshold must be more than $0.00"),
        ({"threshold_usd": ""}, "th", "This field is required."),
        ({"amount_usd": "24.99"}, "am", "from $25.00 to $10,000.00"),
        ({"amount_usd": ""}, "am", "Type what is to be charged."),
        ({"amount_usd": "1,00"}, "am", "must be dollars"),
        ({"charge": "target", "target_usd": "44.99"}, "ta", "at least $25.00 above the threshold"),
        ({"ceiling_usd": "99.99"}, "ce", "from $100.00, which is one charge"),
    ],
)
@pytest.mark.parametrize("do", ["ask", "agree"])
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    acme: Organization, browser: Browser, wrong: dict[str, str], field: str, said: str, do: str
) -> None:
    answer = browser(acme).post("/billing/auto-top-up", {**SAID, **wrong, "do": do})

    page = text(answer)
    assert answer.status_code == 400
    assert said in page.split(f'id="{field}-error"')[1].split("</p>")[0]
    for value in (SAID | wrong).values():
        assert f'value="{value}"' in page
    assert not AutoTopUp.objects.exists()


def test_turned_off_in_one_press(acme: Organization, browser: Browser) -> None:
    agree(acme)

    page = browser(acme).post("/billing/auto-top-up", {"do": "off"}, follow=True)

    assert "Auto top-up is off" in text(page)
    top_up = AutoTopUp.objects.get()
    assert (top_up.is_on, top_up.amount_cents) == (False, 50_00)


def test_a_suspension_says_why_and_what_to_do_on_billing_and_at_home(
    acme: Organization, browser: Browser, stripe_account: StripeAccount, run_queue: RunQueue
) -> None:
    save_card(stripe_account, acme, ASKS)
    agree(acme)
    assert auto_top_ups.consider(acme) is not None
    run_queue()
    failed = Purchase.objects.get()
    client = browser(acme)

    page = plain(client.get("/billing"))
    home = text(client.get("/"))

    assert "Suspended: nothing is charged." in page
    assert "Your bank wants you to confirm the payment." in page
    assert f'href="/billing/purchases/{failed.id}">Confirm and pay once</a>' in page
    assert "Next charge: none while it is suspended" in page
    assert "Auto top-up is suspended" in home
    assert 'href="/billing/auto-top-up">See what to do</a>' in home
    assert "Auto top-up is suspended" not in text(browser(acme, Role.VIEWER).get("/"))


def test_a_dead_card_leads_to_stripes_pages(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    save_card(stripe_account, acme, DEAD)
    agree(acme)
    AutoTopUp.objects.update(suspension="declined")

    page = text(browser(acme).get("/billing/auto-top-up"))

    assert "The card was declined 3 times." in page
    assert "Add a card at Stripe" in page


def test_debt_and_a_ceiling_are_said_to_stand_in_the_way(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    save_card(stripe_account, acme)
    agree(acme, ceiling_cents=60_00)
    client = browser(acme)
    assert auto_top_ups.consider(acme) is not None
    assert "$50.00 is being charged now" in plain(client.get("/billing/auto-top-up"))

    Purchase.objects.update(state="failed")
    hold(acme, "work:1", 25_000_000)
    owe(acme, "dispute:1", 3_000_000)
    page = plain(client.get("/billing"))
    assert "Next charge: none while there is debt" in page
    assert "$3.0000 of debt." in page
    assert "$3.0000 of debt" in plain(client.get("/"))


def test_a_reader_sees_the_terms_and_cannot_change_them(
    acme: Organization, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(acme)
    monkeypatch.setattr("accounts.roles.BUYERS", {Role.OWNER})
    client = browser(acme, Role.BILLING)

    assert "ceiling" in text(client.get("/billing/auto-top-up"))
    assert client.post("/billing/auto-top-up", {**SAID, "do": "agree"}).status_code == 403
    assert client.post("/billing/auto-top-up", {"do": "off"}).status_code == 403
    assert AutoTopUp.objects.get().is_on


def test_a_sandbox_has_no_terms(acme: Organization, browser: Browser) -> None:
    acme.is_sandbox = True
    acme.save()
    client = browser(acme)

    assert "A sandbox has no card" in text(client.get("/billing/auto-top-up"))
    assert client.post("/billing/auto-top-up", {**SAID, "do": "agree"}).status_code == 403
    assert not AutoTopUp.objects.exists()
    assert not Invoice.objects.exists()
