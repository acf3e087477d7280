"""A key is made in a real browser: its secret is copied or selected, and Back does not bring it again."""

import re

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from accounts import api_keys
from accounts.models import ApiKey, Organization
from tests.browser.shop import Shop

SECRET = re.compile(r"sd_live_[0-9a-f]{48}")


def make_key(page: Page, shop: Shop) -> str:
    page.goto(f"{shop.url}/keys")
    page.get_by_role("link", name="New key").click()
    page.get_by_label("Name").fill("Storefront")
    page.get_by_role("button", name="Make the key").click()
    field = page.get_by_label("Secret of Storefront")
    expect(field).to_have_value(SECRET)
    return field.input_value()


def test_the_secret_is_copied_and_back_does_not_bring_it_again(
    page: Page, person: BrowserContext, shop: Shop, acme: Organization
) -> None:
    person.grant_permissions(["clipboard-read", "clipboard-write"], origin=shop.url)
    secret = make_key(page, shop)

    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert api_keys.find(secret) == ApiKey.objects.get(organization=acme)

    page.get_by_role("link", name="I have it").click()
    with pytest.raises(Error, match="ERR_CACHE_MISS"):  # it was kept nowhere
        page.go_back(wait_until="commit")

    assert ApiKey.objects.count() == 1


def test_without_scripts_the_secret_can_be_selected(
    person: BrowserContext, shop: Shop, acme: Organization
) -> None:
    browser = person.browser
    assert browser
    quiet = browser.new_context(java_script_enabled=False, storage_state=person.storage_state())
    page = quiet.new_page()

    secret = make_key(page, shop)

    assert api_keys.find(secret) == ApiKey.objects.get(organization=acme)
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    quiet.close()
