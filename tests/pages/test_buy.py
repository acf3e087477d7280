"""Buying on the page: to Stripe's page once, and never lost for want of a word."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Organization, Role
from billing.models import Purchase
from tests.pages.conftest import text
from tests.pages.shop import begun, form, paid
from tests.stripe_account import StripeAccount
from tests.world import money

Browser = Callable[..., Client]


def charges(account: StripeAccount) -> int:
    return len(account.client.v1.charges.list().data)


def test_the_button_leads_to_stripes_page_of_that_amount(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    answer = browser(acme).post("/billing/buy", form(amount_usd="$1,250.50"))

    purchase = Purchase.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (303, purchase.session_url)
    assert (purchase.amount_cents, purchase.state) == (1_250_50, "open")
    assert "$1,250.50" in stripe_account.web("GET", f"/c/pay/{purchase.session_id}").text
    assert charges(stripe_account) == 0


def test_sent_twice_it_is_one_page(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)

    assert begun(client).id == begun(client).id
    assert len(stripe_account.client.v1.checkout.sessions.list().data) == 1


def test_sent_again_after_it_was_paid_it_shows_what_was_paid(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)
    purchase = paid(client, stripe_account)

    answer = client.post("/billing/buy", form())

    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"/billing/purchases/{purchase.id}",
    )
    assert Purchase.objects.count() == charges(stripe_account) == 1


def test_the_panel_says_what_will_be_available_and_counts_the_bonus(
    acme: Organization, browser: Browser
) -> None:
    page = text(browser(acme).get("/billing"))

    assert "Pay $200.00 with Stripe" in page.replace('<span class="money">', "").replace(
        "</span>", ""
    )
    assert "+$4.00 bonus" in page
    assert "$229.00<small>00</small>" in page


@pytest.mark.parametrize(
    ("said", "after"),
    [({"pack": "50000"}, "$545.00"), ({"amount_usd": "75"}, "$100.00")],
)
def test_the_sum_follows_what_is_chosen(
    acme: Organization, browser: Browser, said: dict[str, str], after: str
) -> None:
    client = browser(acme)
    sent = form(do="sum", **said)

    part = text(client.post("/billing/buy", sent, headers={"HX-Request": "true"}))
    whole = text(client.post("/billing/buy", sent))

    assert after in part
    assert "<nav" not in part
    assert after in whole
    assert "<nav" in whole
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("24.99", "from $25.00 to $10,000.00"),
        ("10000.01", "from $25.00 to $10,000.00"),
        ("0", "Choose a pack, or type an amount."),
        ("-50", "must be dollars"),
        ("25,00", "must be dollars"),
        ("50.001", "must be dollars"),
        ("fifty", "must be dollars"),
        ("9" * 20, "from $25.00"),
        ("9" * 30, "at most 20 characters"),
    ],
)
def test_an_amount_that_cannot_be_bought_is_said_beside_its_field_and_stays(
    acme: Organization, browser: Browser, typed: str, said: str
) -> None:
    answer = browser(acme).post("/billing/buy", form(amount_usd=typed))

    page = text(answer)
    assert answer.status_code == 400
    assert said in page.split('id="own-error"')[1].split("</p>")[0]
    assert f'value="{typed}"' in page
    assert not Purchase.objects.exists()


def test_a_form_that_does_not_know_of_a_payment_asks_once_more_and_keeps_what_was_typed(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)
    first = paid(client, stripe_account)
    other = form(token="f" * 32, amount_usd="75.00")

    asked = client.post("/billing/buy", other)

    page = text(asked)
    assert asked.status_code == 409
    assert "Nothing was charged." in page
    assert "$50.00" in page
    assert 'value="75.00"' in page
    assert Purchase.objects.count() == 1

    token = page.split('name="token" value="')[1].split('"')[0]
    assert begun(client, token=token, last_paid_id=first.id, amount_usd="75.00").state == "open"


def test_stripe_away_charges_nothing_and_the_same_form_goes_on(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    client = browser(acme)
    stripe_account.control("faults", status=503, times=5)

    away = client.post("/billing/buy", form())

    assert away.status_code == 503
    assert "Nothing was charged." in text(away)
    assert f'value="{form()["token"]}"' in text(away)
    assert Purchase.objects.get().state == "created"

    assert stripe_account.web("DELETE", "/control/faults").status_code == 200
    again = client.post("/billing/buy", form())
    assert again.headers["Location"] == Purchase.objects.get().session_url


def test_a_sandbox_has_no_form_and_meets_no_stripe(acme: Organization, browser: Browser) -> None:
    acme.is_sandbox = True
    acme.save()
    client = browser(acme)

    page = text(client.get("/billing"))
    refused = client.post("/billing/buy", form())

    assert "Credits are free in a sandbox." in page
    assert 'action="/billing/buy"' not in page
    assert 'action="/billing/portal"' not in page
    assert refused.status_code == 403
    assert "free in a sandbox" in text(refused)
    assert client.post("/billing/portal").status_code == 403
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
@pytest.mark.parametrize("path", ["/billing/buy", "/billing/portal", "/billing/auto-top-up"])
def test_who_may_not_buy_moves_nothing(
    acme: Organization, browser: Browser, role: Role, path: str
) -> None:
    assert browser(acme, role).post(path, form()).status_code == 403

    assert not Purchase.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_the_portal_is_stripes_and_comes_back_to_billing(
    acme: Organization,
    browser: Browser,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    client = browser(acme)

    answer = client.post("/billing/portal")
    back = client.get("/billing?from_stripe=1")

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("http://stripe.test/")
    assert (back.status_code, back.headers["Location"]) == (302, "/billing")
    assert run_queue() == 1


def test_without_stripe_the_portal_says_that_nothing_was_changed(
    acme: Organization, browser: Browser, stripe_account: StripeAccount
) -> None:
    stripe_account.control("faults", status=503, times=5)

    answer = browser(acme).post("/billing/portal")

    assert answer.status_code == 503
    assert "Nothing was changed" in text(answer)
