"""Credits bought by a person at a browser: what they see, what they have, what they were charged."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import Organization
from billing.models import Purchase
from tests.browser.shop import Shop, pay, subjects, wait_until
from tests.stripe_account import ASKS, DECLINED, VISA
from tests.world import money


def returned(page: Page, shop: Shop, purchase: Purchase) -> None:
    """Back on the page of the purchase, which shows the end by itself."""
    page.wait_for_url(f"{shop.url}/billing/purchases/{purchase.id}?returned=1")
    expect(page.locator("#purchase .note")).to_contain_text("Paid.")


def test_a_pack_by_card(page: Page, shop: Shop, acme: Organization) -> None:
    purchase = shop.buy(page, pack="$200")
    pay(page, VISA)

    returned(page, shop, purchase)
    story = page.locator("#purchase")
    expect(story).to_contain_text("$200.00 of credits and $4.00 of bonus credits came in")
    expect(story).to_contain_text("Visa •••• 4242")
    expect(story).to_contain_text("$229.0000 is available now")
    expect(page.get_by_role("link", name="Receipt at Stripe")).to_be_visible()
    assert money(acme) == (229_000_000, 0)
    assert shop.charges == [200_00]
    wait_until(lambda: subjects() == ["You bought $200.0000 of credits (Acme)"])

    page.get_by_role("link", name="Print or save").click()
    expect(page.locator(".bill .total")).to_contain_text("$200.00")
    expect(page.locator(".bill")).to_contain_text(purchase.id)


def test_a_declined_card_and_then_another(page: Page, shop: Shop, acme: Organization) -> None:
    purchase = shop.buy(page)
    pay(page, DECLINED)
    expect(page.get_by_role("alert")).to_contain_text("declined")

    page.get_by_role("link", name="Back", exact=True).click()
    page.wait_for_url(f"{shop.url}/billing/purchases/{purchase.id}")
    note = page.locator("#purchase .note")
    expect(note).to_contain_text("The card was declined, and nothing was charged.")
    assert money(acme) == (25_000_000, 0)
    assert shop.charges == []

    page.get_by_role("link", name="Go on paying $50.00").click()
    pay(page, VISA)
    returned(page, shop, purchase)
    assert money(acme) == (75_000_000, 0)
    assert shop.charges == [50_00]
    wait_until(lambda: subjects() == ["You bought $50.0000 of credits (Acme)"])


def test_3d_secure_completed(page: Page, shop: Shop, acme: Organization) -> None:
    purchase = shop.buy(page)
    pay(page, ASKS)
    page.wait_for_url("**/authenticate")
    assert money(acme) == (25_000_000, 0)

    page.get_by_role("button", name=re.compile("complete", re.IGNORECASE)).click()

    returned(page, shop, purchase)
    assert money(acme) == (75_000_000, 0)
    assert shop.charges == [50_00]
    wait_until(lambda: subjects() == ["You bought $50.0000 of credits (Acme)"])


def test_3d_secure_failed(page: Page, shop: Shop, acme: Organization) -> None:
    purchase = shop.buy(page)
    pay(page, ASKS)
    page.get_by_role("button", name=re.compile("fail", re.IGNORECASE)).click()
    expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")

    page.goto(f"{shop.url}/billing/purchases/{purchase.id}")

    expect(page.locator("#purchase .note")).to_contain_text("nothing was charged")
    expect(page.locator("#purchase .note")).to_contain_text("unable to authenticate")
    expect(page.get_by_role("link", name="Go on paying $50.00")).to_be_visible()
    assert money(acme) == (25_000_000, 0)
    assert shop.charges == []
    assert subjects() == []


def test_back_by_the_browser_and_another_amount(page: Page, shop: Shop, acme: Organization) -> None:
    first = shop.buy(page)
    page.go_back()
    page.wait_for_url(f"{shop.url}/billing")
    page.locator("#own").fill("75")
    button = page.get_by_role("button", name="Pay $75.00 with Stripe")
    expect(button).to_be_enabled()
    button.click()
    page.wait_for_url(f"{shop.stripe_url}/c/pay/**")
    second = Purchase.objects.order_by("-id")[0]
    assert (second.amount_cents, second.id != first.id) == (75_00, True)

    pay(page, VISA)
    returned(page, shop, second)
    assert money(acme) == (100_000_000, 0)
    assert shop.charges == [75_00]
    wait_until(lambda: Purchase.objects.get(pk=first.pk).state == "expired")


def test_left_until_it_expires(page: Page, shop: Shop, acme: Organization) -> None:
    purchase = shop.buy(page)
    page.goto(f"{shop.url}/billing/purchases/{purchase.id}")
    note = page.locator("#purchase .note")
    expect(note).to_contain_text("Not paid yet, and nothing was charged.")

    shop.stripe("POST", "/control/advance", seconds=3 * 3600)

    expect(note).to_contain_text("Left without paying: nothing was charged.")
    expect(page.get_by_role("button", name="Buy $50.00 of credits now")).to_be_visible()
    assert money(acme) == (25_000_000, 0)
    assert shop.charges == []
    assert subjects() == []


def test_a_double_click_on_pay(page: Page, shop: Shop, acme: Organization) -> None:
    page.goto(f"{shop.url}/billing")
    page.get_by_role("button", name="Pay $200.00 with Stripe").dblclick()
    page.wait_for_url(f"{shop.stripe_url}/c/pay/**")
    purchase = Purchase.objects.get()
    pay(page, VISA)

    returned(page, shop, purchase)
    assert money(acme) == (229_000_000, 0)
    assert shop.charges == [200_00]
    wait_until(lambda: subjects() == ["You bought $200.0000 of credits (Acme)"])


def test_two_tabs_pay_once(person: BrowserContext, shop: Shop, acme: Organization) -> None:
    one, other = person.new_page(), person.new_page()
    first = shop.buy(one)
    assert shop.buy(other).id == first.id
    assert one.url == other.url
    pay(one, VISA)
    returned(one, shop, first)

    other.reload()
    expect(other.locator("body")).not_to_contain_text("Pay $50.00")
    assert money(acme) == (75_000_000, 0)
    assert shop.charges == [50_00]
    assert Purchase.objects.count() == 1
    wait_until(lambda: subjects() == ["You bought $50.0000 of credits (Acme)"])


def test_a_tab_that_does_not_know_of_the_payment_asks_once_more(
    person: BrowserContext, shop: Shop, acme: Organization
) -> None:
    old, new = person.new_page(), person.new_page()
    old.goto(f"{shop.url}/billing")
    first = shop.buy(new)
    pay(new, VISA)
    returned(new, shop, first)

    old.get_by_role("button", name="Pay $200.00 with Stripe").click()

    expect(old.get_by_role("alert")).to_contain_text("Nothing was charged.")
    expect(old.get_by_role("alert")).to_contain_text("$50.00 of credits were paid by you")
    expect(old.get_by_role("button", name="Pay $200.00 with Stripe")).to_be_visible()
    assert Purchase.objects.count() == 1
    assert shop.charges == [50_00]


def test_while_the_webhook_is_late_the_page_says_so_and_then_finds_out(
    page: Page, shop: Shop, acme: Organization
) -> None:
    shop.stripe("POST", "/control/faults", webhooks={"off": True})
    purchase = shop.buy(page)
    shop.worker_may_work.clear()
    pay(page, VISA)

    page.wait_for_url(f"{shop.url}/billing/purchases/{purchase.id}?returned=1")
    note = page.locator("#purchase .note")
    expect(note).to_contain_text("Stripe is confirming your payment.")
    assert money(acme) == (25_000_000, 0)

    shop.worker_may_work.set()
    expect(note).to_contain_text("Paid.")
    assert money(acme) == (75_000_000, 0)
    assert shop.charges == [50_00]


@pytest.fixture
def no_scripts(person: BrowserContext) -> Callable[[], Page]:
    """The same person with scripts switched off."""

    def make() -> Page:
        browser = person.browser
        assert browser is not None
        context = browser.new_context(java_script_enabled=False)
        context.add_cookies(person.cookies())  # type: ignore[arg-type]  # what one gives the other takes
        return context.new_page()

    return make


def test_without_scripts(no_scripts: Callable[[], Page], shop: Shop, acme: Organization) -> None:
    page = no_scripts()
    page.goto(f"{shop.url}/billing")
    page.locator("#own").fill("75")
    page.get_by_role("button", name="Work out the sum").click()
    expect(page.locator("#buy-sum")).to_contain_text("$100.0000")
    page.get_by_role("button", name="Pay $75.00 with Stripe").click()
    page.wait_for_url(f"{shop.stripe_url}/c/pay/**")
    purchase = Purchase.objects.get()
    pay(page, VISA)
    page.wait_for_url(f"{shop.url}/billing/purchases/{purchase.id}?returned=1")

    wait_until(lambda: money(acme) == (100_000_000, 0))
    page.reload()
    expect(page.locator("#purchase .note")).to_contain_text("Paid.")
    assert shop.charges == [75_00]
    page.context.close()
