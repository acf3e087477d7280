"""The door and the account in a real browser: a passkey, the whole way in, and how all of it looks and is read out."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accounts import organizations
from accounts.models import Organization, Role, User
from tests.accounts.signing_in import code_in, code_of, give_app
from tests.browser.conftest import SECONDS, Look, _note, looks_of
from tests.browser.people import sent
from tests.browser.shop import Shop, wait_until
from tests.world import PASSWORD, make_user

SOFTWARE = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def here(shop: Shop) -> str:
    """A passkey belongs to a name, and an address of numbers is none."""
    return re.sub(r"//[^:/]+", "//localhost", shop.url)


@pytest.fixture
def stranger(
    chromium: Browser, shop: Shop, request: pytest.FixtureRequest
) -> Iterator[BrowserContext]:
    """A browser that knows nobody; a page that complains in its console fails the test.

    Its parameter says whether it runs scripts.
    """
    context = chromium.new_context(
        viewport={"width": 1280, "height": 900},
        java_script_enabled=getattr(request, "param", True),
    )
    context.set_default_timeout(SECONDS * 1000)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda message: _note(message, complaints))
    yield context
    context.close()
    assert complaints == []


def sign_in(page: Page, here: str, user: User) -> None:
    page.goto(f"{here}/accounts/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("stranger", [True, False], indirect=True, ids=["scripts", "none"])
def test_a_new_person_comes_in_and_sets_up_a_second_factor(
    stranger: BrowserContext, here: str
) -> None:
    page = stranger.new_page()
    page.goto(f"{here}/accounts/signup/")
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the code")
    wait_until(lambda: bool(mail.outbox))
    page.get_by_label("Six-digit code").fill(code_in(mail.outbox[0]))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Whose videos will these be?")

    page.goto(f"{here}/accounts/2fa/totp/activate/")
    secret = page.get_by_label("Or type this secret into the app").input_value()
    page.get_by_label("Six-digit code").fill(code_of(secret))
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#recovery-codes")).to_contain_text(re.compile(r"(\d{8}\s+){10}"))


def test_a_passkey_is_added_and_opens_the_account_by_itself(
    stranger: BrowserContext, here: str, acme: Organization, member_of: Callable[..., User]
) -> None:
    user = member_of(acme)
    page = stranger.new_page()
    chrome = stranger.new_cdp_session(page)
    chrome.send("WebAuthn.enable")
    chrome.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    sign_in(page, here, user)
    page.wait_for_url(f"{here}/")
    page.goto(f"{here}/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill("this laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.goto(f"{here}/accounts/2fa/webauthn/")
    expect(page.locator(".list")).to_contain_text("this laptop")

    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{here}/accounts/login/**")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{here}/")

    page.goto(f"{here}/accounts/sessions/")
    expect(page.locator(".sessions")).to_contain_text("Chrome on Linux")


def test_a_passkey_stands_for_the_second_factor(
    stranger: BrowserContext, here: str, acme: Organization, member_of: Callable[..., User]
) -> None:
    user = member_of(acme)
    page = stranger.new_page()
    chrome = stranger.new_cdp_session(page)
    chrome.send("WebAuthn.enable")
    chrome.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    sign_in(page, here, user)
    page.wait_for_url(f"{here}/")
    page.goto(f"{here}/accounts/2fa/webauthn/add/")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    stranger.clear_cookies()

    sign_in(page, here, user)
    expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{here}/")


def test_without_a_passkey_the_page_says_so_and_nothing_happens(
    stranger: BrowserContext, here: str
) -> None:
    page = stranger.new_page()
    chrome = stranger.new_cdp_session(page)
    chrome.send("WebAuthn.enable")
    chrome.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto(f"{here}/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("No passkey was given. Nothing was changed.")


def test_the_door_opens_by_keyboard_alone(
    stranger: BrowserContext, here: str, acme: Organization, member_of: Callable[..., User]
) -> None:
    user = member_of(acme)
    secret = give_app(user)
    page = stranger.new_page()
    page.goto(f"{here}/accounts/login/")
    page.get_by_label("Email").focus()
    page.keyboard.type(user.email)
    page.keyboard.press("Tab")  # the link for those who forgot it stands between
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
    page.get_by_label("Code").focus()
    page.keyboard.type(code_of(secret))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{here}/")


@pytest.fixture
def stranger_looks(stranger: BrowserContext, shop: Shop, settings: Any) -> Iterator[Look]:
    yield from looks_of(stranger, shop.url, settings)


def test_the_door_half_way_in_looks_and_reads_well(
    stranger: BrowserContext, shop: Shop, stranger_looks: Look
) -> None:
    user = make_user()
    give_app(user)
    page = stranger.new_page()
    stranger_looks(f"/accounts/password/reset/key/{user.pk}-used-up/", "door-used-up")
    sign_in(page, shop.url, user)
    expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
    stranger_looks("/accounts/2fa/authenticate/", "door-factor")
    page.get_by_role("button", name="Cancel").click()
    page.goto(f"{shop.url}/accounts/signup/")
    page.get_by_label("Email").fill("new@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the code")
    stranger_looks("/accounts/confirm-email/", "door-code")


def test_sessions_and_a_door_that_was_tried_too_often_look_and_read_well(
    stranger: BrowserContext,
    shop: Shop,
    acme: Organization,
    member_of: Callable[..., User],
    stranger_looks: Look,
) -> None:
    user = member_of(acme)
    for number, software in enumerate(SOFTWARE):
        client = Client(HTTP_USER_AGENT=software, REMOTE_ADDR=f"2001:db8:{number}::1")
        client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    page = stranger.new_page()
    sign_in(page, shop.url, user)
    page.wait_for_url(f"{shop.url}/")
    stranger_looks("/accounts/sessions/", "account-sessions-many")
    page.goto(f"{shop.url}/accounts/sessions/")
    page.get_by_role("button", name="End all others").click()
    expect(page.locator(".message")).to_have_text(f"{len(SOFTWARE)} sessions were ended.")
    expect(page.locator(".sessions > li")).to_have_count(1)

    stranger.clear_cookies()
    wrong = sent(re.compile("^Sign in$"), login=user.email, password="wrong")
    for _ in range(10):
        page.goto(f"{shop.url}/accounts/login/")
        wrong(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")

    def once_more(page: Page) -> None:
        wrong(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Too many tries in a short time")
        expect(page.get_by_role("main")).to_contain_text("in 10 minutes")

    stranger_looks("/accounts/login/", "door-too-many", do=once_more)


def test_who_must_have_a_second_factor_is_told_so(acme: Organization, look: Look) -> None:
    membership = acme.memberships.order_by("-id").first()
    assert membership
    second = organizations.create("Second", owner=make_user())
    organizations.add_member(second, membership.user, Role.VIEWER)
    organizations.require_second_factor(acme, True, by=membership.user)
    look("/", "account-factor-wanted")
