"""From nothing to a video, a limit, and credits: one long walk, by mouse, by keyboard, and without scripts."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accounts.models import Membership, Organization, Role
from billing import ledger
from billing.models import Budget, Grant
from generations.models import Generation
from generations.providers import registry
from generations.providers.eachlabs import EachLabs
from seedance_saas.simulators.thread import SimulatorThread
from tests.browser.people import (
    Person,
    WithKeyboard,
    WithMouse,
    WithoutScripts,
    newest_mail_to,
    set_up_second_factor,
    sign_up,
    verify,
)
from tests.browser.shop import Shop, wait_until
from tests.stripe_account import VISA
from tests.world import money

OWNER, MEMBER = "olga@kestrel.example", "max@kestrel.example"
KITE = Path(django_settings.BASE_DIR) / "static" / "pictures" / "kite.jpg"
PROMPT = "The kite turns towards the sea. simulate: work 1"
WELCOME_MICROUSD = 600_000  # enough for one video of $0.4516, and not for two


@pytest.fixture
def studio(
    shop: Shop, running_stripe: SimulatorThread, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """A shop whose videos are made by the simulator, too; it fetches our files under a public name."""
    running_stripe.config.names = {"media.example.com": shop.url}
    settings.SIMULATOR_URL = running_stripe.url
    settings.SIMULATED_INTERNET_URL = f"{running_stripe.url}/internet"
    settings.MEDIA_URL_FOR_PROVIDERS = "https://media.example.com"
    provider = EachLabs(f"{running_stripe.url}/eachlabs", "simulated")
    monkeypatch.setattr(registry, "get", lambda name: provider)
    yield shop
    provider.close()


@pytest.fixture
def browser_of(chromium: Browser) -> Iterator[Callable[[bool], Page]]:
    """A browser of somebody's own, with or without scripts. What its console says fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def hear(message: Any) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def make(has_scripts: bool) -> Page:
        context = chromium.new_context(
            viewport={"width": 1280, "height": 900}, java_script_enabled=has_scripts
        )
        context.set_default_timeout(20_000)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", hear)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("kind", [WithMouse, WithKeyboard, WithoutScripts])
def test_from_nothing_to_videos(
    studio: Shop, browser_of: Callable[[bool], Page], kind: type[WithMouse]
) -> None:
    owner, member = (kind(browser_of(kind.has_scripts)) for _ in range(2))

    found_an_organization(owner, studio)
    kestrel = Organization.objects.get(name="Kestrel Films")
    assert money(kestrel) == (0, 0)
    ledger.deposit(
        kestrel,
        amount_microusd=WELCOME_MICROUSD,
        kind=Grant.Kind.PROMOTIONAL,
        reference="welcome:kestrel",
        expires_at=timezone.now() + timedelta(days=30),
    )
    invite(owner, studio)
    accept(member)
    of_max = Membership.objects.get(organization=kestrel, user__email=MEMBER)
    assert of_max.role == Role.DEVELOPER

    set_limit(owner, studio, "Max", "0.50")
    assert Budget.objects.get(subject_id=of_max.id).limit_microusd == 500_000

    fill_in(member, studio)
    made = generate(member)
    watch(member, made)
    assert money(kestrel) == (148_400, 0)

    ask_again(member, studio, made)
    expect(member.page.get_by_role("alert").first).to_contain_text("A budget does not admit it.")
    expect(member.page.get_by_role("alert").first).to_contain_text("Your own budget is $0.5000")
    assert money(kestrel) == (148_400, 0)

    set_limit(owner, studio, "Max", "5")
    member.press("Generate")
    expect(member.page.get_by_role("alert").first).to_contain_text("Not enough credits.")
    assert Generation.objects.count() == 1

    buy(owner, studio, "25")
    wait_until(lambda: money(kestrel) == (25_148_400, 0))
    assert studio.charges == [25_00]

    member.press("Generate")
    wait_until(lambda: Generation.objects.count() == 2)
    watch(member, newest())
    assert money(kestrel) == (25_148_400 - 451_600, 0)


def found_an_organization(owner: Person, studio: Shop) -> None:
    owner.page.goto(f"{studio.url}/accounts/signup/")
    sign_up(owner, OWNER)
    verify(owner, OWNER)
    owner.type("Name of the organization", "Kestrel Films")
    owner.press("Create the organization")
    expect(owner.page.get_by_role("heading", level=1)).to_have_text("Home")
    owner.page.goto(f"{studio.url}/accounts/2fa/")
    set_up_second_factor(owner)


def invite(owner: Person, studio: Shop) -> None:
    owner.page.goto(f"{studio.url}/members/invite")
    owner.type("Email", MEMBER)
    owner.pick("Role", "Developer")
    owner.press("Send the invitation")
    expect(owner.page.get_by_text(MEMBER).first).to_be_visible()


def accept(member: Person) -> None:
    """By the link in the mail, with an account that is made on the way."""
    link = re.search(r"http://\S+/invitations/\S+", newest_mail_to(MEMBER, "/invitations/"))
    assert link
    member.page.goto(link[0])
    expect(member.page.get_by_role("heading", level=1)).to_have_text("Join Kestrel Films")
    member.follow("Create an account")
    sign_up(member, MEMBER)
    member.press("Accept the invitation")
    expect(member.page.get_by_text("Kestrel Films").first).to_be_attached()


def set_limit(owner: Person, studio: Shop, name: str, dollars: str) -> None:
    owner.page.goto(f"{studio.url}/budgets")
    owner.follow(re.compile(rf"Change the budget of {name}", re.IGNORECASE))
    owner.type("Limit in dollars", dollars)
    owner.press(re.compile("^(Set|Save)"))
    expect(owner.page.get_by_role("status").first).to_contain_text("may spend")


def fill_in(member: Person, studio: Shop) -> None:
    """A short, small, fast video that starts from a picture of one's own."""
    page = member.page
    page.goto(f"{studio.url}/create")
    member.choose("Image")
    if not member.has_scripts:
        member.press("Show its fields and price")
    expect(page.get_by_label("First frame")).to_be_visible()
    member.give_file(KITE)
    expect(page.get_by_label("First frame")).to_have_value(re.compile("^upload:upl_"))
    member.type("Prompt", PROMPT)
    member.choose(re.compile("^Fast"))
    member.choose("Duration 4 seconds")
    member.choose("480p")
    if not member.has_scripts:
        member.press("Show the price")
    expect(page.locator("#price")).to_contain_text("up to $0.46")


def generate(member: Person) -> Generation:
    member.press("Generate")
    expect(member.page.locator("#result")).to_be_visible()
    return newest()


def watch(member: Person, made: Generation) -> None:
    """Until it is there to be played: by itself, or, without scripts, by loading the page again."""

    def is_made() -> bool:
        return Generation.objects.get(pk=made.pk).state == "succeeded"

    if not member.has_scripts:
        wait_until(is_made, seconds=60)
        member.page.reload()
    expect(member.page.locator("#result video")).to_be_attached(timeout=60_000)
    expect(member.page.locator("#result")).to_contain_text("Charged")
    assert is_made()


def ask_again(member: Person, studio: Shop, made: Generation) -> None:
    member.page.goto(f"{studio.url}/create?from={made.id}")
    member.press("Generate")


def buy(owner: Person, studio: Shop, dollars: str) -> None:
    page = owner.page
    page.goto(f"{studio.url}/billing")
    owner.type("Or your own amount, which then counts instead", dollars)
    if owner.has_scripts:
        expect(page.get_by_role("button", name=f"Pay ${dollars}.00 with Stripe")).to_be_enabled()
    owner.press(re.compile("^Pay .* with Stripe"))
    page.wait_for_url(f"{studio.stripe_url}/c/pay/**")
    for name, text in (("number", VISA), ("expiry", "12/34"), ("cvc", "123"), ("email", OWNER)):
        if page.locator(f'[name="{name}"]').count():
            page.locator(f'[name="{name}"]').fill(text)
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.wait_for_url(f"{studio.url}/billing/purchases/**")


def newest() -> Generation:
    return Generation.objects.order_by("-id")[0]
