"""A person at a browser, who works with a mouse, with the keyboard alone, or with scripts switched off."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from playwright.sync_api import Locator, Page, expect

from tests.browser.shop import wait_until
from tests.world import PASSWORD

QUOTED_AFTER_MILLISECONDS = 400
TABS_MAX = 150
TOTP_PERIOD_SECONDS, TYPED_WITHIN_SECONDS = 30, 12
DROP = """([bytes, name]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], name, {type: "image/jpeg"}));
  const target = document.querySelector("[data-drop]");
  for (const type of ["dragenter", "dragover", "drop"])
    target.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: files}));
}"""


class Person(Protocol):
    """What everybody can do, by what a control is called."""

    page: Page
    has_scripts: bool

    def type(self, label: str, text: str) -> None: ...
    def choose(self, label: str | re.Pattern[str]) -> None: ...
    def pick(self, label: str, option: str) -> None: ...
    def press(self, name: str | re.Pattern[str]) -> None: ...
    def follow(self, name: str | re.Pattern[str]) -> None: ...
    def give_file(self, path: Path) -> None: ...


class WithMouse:
    has_scripts = True

    def __init__(self, page: Page) -> None:
        self.page = page

    def type(self, label: str, text: str) -> None:
        self._field(label).fill(text)

    def choose(self, label: str | re.Pattern[str]) -> None:
        self._named("radio", label).locator("xpath=ancestor::label").click()

    def pick(self, label: str, option: str) -> None:
        self._field(label).select_option(label=option)

    def press(self, name: str | re.Pattern[str]) -> None:
        self._named("button", name).click()

    def follow(self, name: str | re.Pattern[str]) -> None:
        self._named("link", name).click()

    def give_file(self, path: Path) -> None:
        """Drop it."""
        self.page.evaluate(DROP, [list(path.read_bytes()), path.name])

    def _named(
        self, role: Literal["button", "link", "radio"], name: str | re.Pattern[str]
    ) -> Locator:
        return self.page.get_by_role(role, name=name, exact=isinstance(name, str)).first

    def _field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True).first


class WithoutScripts(WithMouse):
    has_scripts = False

    def give_file(self, path: Path) -> None:
        self.page.locator("#files").set_input_files(path)
        self.press("Send these files")


class WithKeyboard(WithMouse):
    """Gets everywhere by Tab; never asks where something is on the screen."""

    def type(self, label: str, text: str) -> None:
        self._reach(self._field(label))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, label: str | re.Pattern[str]) -> None:
        """One of a group: Tab gets to the group, arrows to the one."""
        wanted = self._named("radio", label)
        group = wanted.get_attribute("name")
        self._reach(self.page.locator(f'[name="{group}"]:checked').first)
        for _ in range(20):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowRight")
        raise AssertionError(f"no arrow gets to {label!r}")

    def pick(self, label: str, option: str) -> None:
        self._reach(self._field(label))
        self.page.keyboard.type(option)

    def press(self, name: str | re.Pattern[str]) -> None:
        self._reach(self._named("button", name))
        self.page.keyboard.press("Enter")

    def follow(self, name: str | re.Pattern[str]) -> None:
        self._reach(self._named("link", name))
        self.page.keyboard.press("Enter")

    def give_file(self, path: Path) -> None:
        # The browser is told early that we answer for its dialog: told with the key, it may learn it too late.
        with self.page.expect_file_chooser() as chooser:
            self._reach(self.page.locator("#files"))
            # The price that follows the last choice draws the form anew: the field is another one then.
            self.page.wait_for_timeout(QUOTED_AFTER_MILLISECONDS)
            self.page.wait_for_function("() => !document.querySelector('.htmx-request')")
            self._reach(self.page.locator("#files"))
            self.page.keyboard.press("Enter")
        chooser.value.set_files(path)

    def _reach(self, control: Locator) -> None:
        expect(control).to_be_visible() if control.get_attribute("type") != "radio" else None
        for _ in range(TABS_MAX):
            if control.evaluate("(e) => e === document.activeElement"):
                self._see_focus()
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never gets to {control}")

    def _see_focus(self) -> None:
        """Whoever has the focus, or the label around it, is marked."""
        assert self.page.evaluate(
            """() => {
              const marked = (e) => {
                const style = getComputedStyle(e);
                return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
              };
              const at = document.activeElement;
              const around = [at, at.closest("label"), at.nextElementSibling, at.parentElement];
              return around.some((e) => e && marked(e));
            }"""
        ), self.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def sent(button: str | re.Pattern[str], **fields: str) -> Callable[[Page], None]:
    """Something to do on a page: fill in its form and send it, which another page answers."""

    def do(page: Page) -> None:
        for name, value in fields.items():
            page.locator(f'main [name="{name}"]').first.fill(value)
        with page.expect_navigation(wait_until="load"):
            page.get_by_role("button", name=button).first.click()

    return do


def newest_mail_to(email: str, words: str) -> str:
    """Its text, once it has come."""

    def found() -> list[Any]:
        return [one for one in mail.outbox if one.to == [email] and re.search(words, str(one.body))]

    wait_until(lambda: bool(found()))
    return str(found()[-1].body)


def sign_up(person: Person, email: str) -> None:
    """Whoever comes by an invitation has shown already that the address is theirs."""
    person.type("Email", email)
    person.type("Password", PASSWORD)
    person.press("Create the account")


def verify(person: Person, email: str) -> None:
    """By the code that comes by mail."""
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Enter the code")
    code = re.search(r"^(\d{6})$", newest_mail_to(email, r"(?m)^\d{6}$"), re.MULTILINE)
    assert code
    person.type("Six-digit code", code[1])
    person.press("Confirm")


def set_up_second_factor(person: Person) -> None:
    """With an authenticator app, whose secret is read from the page."""
    person.follow("Set up")
    password = person.page.get_by_label("Password", exact=True)
    of_app = person.page.get_by_label("Or type this secret into the app")
    expect(password.or_(of_app)).to_be_visible()
    if password.count():  # is it really you?
        person.type("Password", PASSWORD)
        person.press("Continue")
    secret = of_app.input_value()
    person.type("Six-digit code", app_code(secret))
    person.press("Switch on")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    person.follow("I have saved them")
    expect(person.page.get_by_role("heading", level=1)).not_to_have_text("Recovery codes")


def app_code(secret: str) -> str:
    """What the app shows now, and for long enough to be typed."""
    left = TOTP_PERIOD_SECONDS - time.time() % TOTP_PERIOD_SECONDS
    if left < TYPED_WITHIN_SECONDS:
        time.sleep(left)
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))
