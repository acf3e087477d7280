"""The playground and the gallery at a real browser: dropped, pasted and sorted files, one video from a double click."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, Route, expect

from accounts.models import Organization, User
from generations.models import Generation
from tests.browser.shop import Shop
from tests.pages.conftest import TOKEN
from tests.world import money

KITE = Path(__file__).parents[2] / "static" / "pictures" / "kite.jpg"
GIVE = """([content, how, selector]) => {
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "kite.jpg", { type: "image/jpeg" }));
  const event = how === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.fixture
def quiet(shop: Shop) -> Shop:
    """Nothing of what is asked for is made: the worker rests."""
    shop.worker_may_work.clear()
    return shop


def give(page: Page, how: str) -> None:
    content = base64.b64encode(KITE.read_bytes()).decode()
    page.evaluate(GIVE, [content, how, "#prompt"])


def two_files(page: Page) -> list[str]:
    """Once both were taken."""
    field = page.locator("#image_urls")
    expect(field).to_have_value(re.compile(r"upload:\w+\s+upload:\w+"))
    return field.input_value().split()


def test_files_are_dropped_pasted_mentioned_and_sorted(
    page: Page, quiet: Shop, acme: Organization
) -> None:
    page.goto(f"{quiet.url}/create")
    page.fill("#prompt", "A kite over a city")
    assert page.locator("#family-text").is_checked()

    give(page, "drop")
    expect(page.locator("#family-reference")).to_be_checked()
    expect(page.locator(".files li")).to_have_count(1)
    give(page, "paste")
    expect(page.locator(".files li")).to_have_count(2)
    expect(page.locator(".files img").first).to_have_js_property("naturalWidth", 384)
    first, second = two_files(page)

    page.locator("#prompt").evaluate("field => field.setSelectionRange(2, 2)")
    page.get_by_role("button", name="Insert @Image1 into the prompt").click()
    assert page.input_value("#prompt").startswith("A @Image1 kite")

    page.get_by_role("button", name="Move @Image2 earlier").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#image_urls")).to_have_value(f"{second}\n{first}")
    expect(page.get_by_role("button", name="Move @Image1 later")).to_be_visible()

    page.locator("#family-image").check(force=True)
    expect(page.locator("#image_url")).to_have_value(second)
    expect(page.locator("#end_image_url")).to_have_value(first)
    page.get_by_role("button", name="Remove @Image2").click()
    expect(page.locator("#end_image_url")).to_have_value("")
    assert page.input_value("#prompt").startswith("A @Image1 kite")
    assert money(acme) == (25_000_000, 0)


def test_what_is_changed_while_the_form_is_drawn_anew_is_not_taken_back(
    page: Page, quiet: Shop, acme: Organization
) -> None:
    page.goto(f"{quiet.url}/create")
    held: list[Route] = []
    page.route("**/create", lambda route: held.append(route) if not held else route.continue_())

    page.locator("#family-image").check(force=True)
    page.wait_for_function("() => document.querySelector('#family').matches('.htmx-request')")
    page.locator("#tier-fast").check(force=True)
    page.fill("#prompt", "Typed while it was on its way")
    wait_until_held(page, held)
    held[0].continue_()

    expect(page.get_by_label("First frame")).to_be_visible()
    expect(page.locator("#tier-fast")).to_be_checked()
    expect(page.locator("#family-image")).to_be_checked()
    expect(page.locator("#prompt")).to_have_value("Typed while it was on its way")
    expect(page.locator("#snippets")).to_contain_text("seedance-2.0-fast-image-to-video")
    assert money(acme) == (25_000_000, 0)


def wait_until_held(page: Page, held: list[Route]) -> None:
    for _ in range(100):
        if held:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the form was never asked for")


def test_a_double_click_makes_one_and_it_appears_without_a_reload(
    page: Page, quiet: Shop, acme: Organization
) -> None:
    page.goto(f"{quiet.url}/create")
    page.fill("#prompt", "a red kite over a beach")
    page.locator("#resolution-480p").check(force=True)
    page.locator("#duration-4").check(force=True)
    expect(page.locator("#price output")).to_have_text("up to $0.46")

    page.get_by_role("button", name="Generate").dblclick()

    expect(page.locator("#result")).to_contain_text("held")
    assert Generation.objects.count() == 1
    assert money(acme) == (24_548_400, 451_600)
    expect(page.locator("#screen")).to_contain_text("in the queue")


def test_the_keyboard_alone_makes_a_video(page: Page, quiet: Shop, acme: Organization) -> None:
    page.goto(f"{quiet.url}/create")
    for _ in range(40):
        if page.evaluate("document.activeElement.id") == "prompt":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("a red kite")
    page.keyboard.press("Control+Enter")

    expect(page.locator("#result")).to_contain_text("held")
    assert Generation.objects.get().input["prompt"] == "a red kite"


def test_without_scripts_a_file_is_sent_sorted_and_priced(
    chromium: Browser,
    quiet: Shop,
    acme: Organization,
    member_of: Callable[..., User],
    page_for: Callable[[User], Client],
) -> None:
    cookie = page_for(member_of(acme)).cookies["sessionid"].value
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": quiet.url}])
    page = context.new_page()
    page.goto(f"{quiet.url}/create")
    page.fill("#prompt", "@Image1 over a beach")
    page.set_input_files("#files", [KITE, KITE])
    page.get_by_role("button", name="Send these files").click()
    expect(page.locator(".files li")).to_have_count(2)
    first, second = two_files(page)

    page.get_by_role("button", name="Move @Image2 earlier").click()
    expect(page.locator("#image_urls")).to_have_value(re.compile(rf"{second}\s+{first}"))
    page.locator("#duration-4").check(force=True)
    page.get_by_role("button", name="Show the price").click()
    expect(page.locator("#price")).to_contain_text("up to $0.97")
    page.get_by_role("button", name="Generate").click()

    expect(page.locator("#result")).to_contain_text("held")
    assert Generation.objects.get().input["image_urls"] == [second, first]
    context.close()


def test_those_chosen_in_the_gallery_are_counted_and_asked_about(
    page: Page, quiet: Shop, acme: Organization, person: Any
) -> None:
    form = {"token": TOKEN, "family": "text", "tier": "fast", "prompt": "a kite", "duration": "4",
            "resolution": "480p", "num_generations": "3", "do": "make"}  # fmt: skip
    page.goto(f"{quiet.url}/create")
    token = page.locator("#create-form [name=csrfmiddlewaretoken]").get_attribute("value") or ""
    page.request.post(
        f"{quiet.url}/create",
        form={**form, "csrfmiddlewaretoken": token},
        headers={"Referer": f"{quiet.url}/create"},
    )
    for one in Generation.objects.all()[:2]:
        page.goto(f"{quiet.url}/generations/{one.id}")
        page.get_by_role("button", name="Cancel…").click()
        page.get_by_role("button", name="Cancel it").click()
    page.goto(f"{quiet.url}/gallery")
    delete = page.get_by_role("button", name="Delete…")
    expect(delete).to_be_disabled()

    page.get_by_role("button", name="Choose all shown").click()

    expect(page.locator("[data-chosen-count]")).to_have_text("2 chosen")
    delete.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete 2 generations?")
    page.get_by_role("button", name="Delete 2").click()
    expect(page.locator(".message")).to_contain_text("2 erased.")
    assert Generation.objects.filter(erased_at=None).count() == 1
