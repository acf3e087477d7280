"""On a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.eyes import SIZES
from tests.browser.shop import Shop


@pytest.fixture
def phone(page: Page) -> Page:
    width, height = SIZES["narrow"]
    page.set_viewport_size({"width": width, "height": height})
    return page


def test_a_filter_of_many_fields_opens_when_it_is_wanted(phone: Page, shop: Shop) -> None:
    phone.goto(f"{shop.url}/audit")
    day = phone.get_by_label("from")
    expect(day).to_be_hidden()

    phone.get_by_role("button", name="Filter").click()
    expect(day).to_be_visible()
    phone.keyboard.press("Escape")
    expect(day).to_be_hidden()

    phone.get_by_role("button", name="Filter").click()
    day.fill("2026-11-01")
    phone.locator("#filter-more").get_by_role("button", name="Filter").click()
    expect(phone).to_have_url(re.compile(r"since=2026-11-01"))
    expect(day).to_be_hidden()
    expect(phone.get_by_role("button", name="Filter: on")).to_be_visible()
