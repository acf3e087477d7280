"""What is owed by mail is sent until it is sent, and to nobody twice."""

import re
import smtplib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import mails
from accounts.models import Organization, OwedMail, Role
from tests.deaths import each_death
from tests.race import race
from tests.stripe_account import StripeAccount

NOTE = f"{__name__}.compose_note"
SOON = f"{__name__}.compose_soon"


def compose_note(*addresses: str) -> list[EmailMultiAlternatives]:
    return [EmailMultiAlternatives("A note", "Hello", to=[address]) for address in addresses]


def compose_soon(address: str) -> list[EmailMultiAlternatives]:
    return [EmailMultiAlternatives("Soon", "Hello", to=[address])]


def told() -> list[str]:
    return [message.to[0] for message in mail.outbox]


class MailServer:
    """Refuses with `error` whom it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses: dict[str, Exception] = {}
        accept = EmailBackend.send_messages

        def send(backend: EmailBackend, messages: list[EmailMultiAlternatives]) -> int:
            for message in messages:
                if error := self.refuses.get(message.to[0]) or self.refuses.get("*"):
                    raise error
            return int(accept(backend, messages))

        monkeypatch.setattr(EmailBackend, "send_messages", send)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> MailServer:
    return MailServer(monkeypatch)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-06-17T14:32:00Z", tick=False) as clock:
        yield clock


def test_it_is_sent_once_and_owed_no_more(db: None) -> None:
    mails.owe(NOTE, "a@example.com", "b@example.com")

    assert (mails.run(), mails.run()) == (1, 0)

    assert told() == ["a@example.com", "b@example.com"]
    assert not OwedMail.objects.exists()


def test_what_is_rolled_back_is_owed_to_nobody(db: None) -> None:
    with transaction.atomic():
        mails.owe(NOTE, "a@example.com")
        transaction.set_rollback(True)

    assert mails.run() == 0
    assert told() == []


def test_while_the_mail_server_is_away_it_waits_longer_and_longer(
    db: None, server: MailServer, clock: time_machine.Traveller
) -> None:
    server.refuses["*"] = ConnectionRefusedError()
    mails.owe(NOTE, "a@example.com")
    for pause in (30, 60, 120, 240):
        assert mails.run() == 0
        clock.shift(timedelta(seconds=pause - 1))
        server.refuses.pop("*")
        assert mails.run() == 0
        server.refuses["*"] = ConnectionRefusedError()
        clock.shift(timedelta(seconds=1))
    server.refuses.clear()

    assert mails.run() == 1
    assert told() == ["a@example.com"]


def test_who_has_it_gets_it_no_second_time_when_another_one_fails(
    db: None, server: MailServer, clock: time_machine.Traveller
) -> None:
    server.refuses["b@example.com"] = smtplib.SMTPServerDisconnected()
    mails.owe(NOTE, "a@example.com", "b@example.com", "c@example.com")
    assert mails.run() == 0
    assert told() == ["a@example.com"]

    server.refuses.clear()
    clock.shift(timedelta(minutes=1))

    assert mails.run() == 1
    assert told() == ["a@example.com", "b@example.com", "c@example.com"]


@pytest.mark.parametrize(("code", "still_owed"), [(550, 0), (450, 1)])
def test_a_mailbox_that_does_not_exist_holds_up_nobody_and_one_that_is_full_is_tried_again(
    db: None, server: MailServer, code: int, still_owed: int
) -> None:
    refused = {"a@example.com": (code, b"no")}
    server.refuses["a@example.com"] = smtplib.SMTPRecipientsRefused(refused)
    mails.owe(NOTE, "a@example.com", "b@example.com")

    mails.run()

    assert told() == ([] if still_owed else ["b@example.com"])
    assert OwedMail.objects.count() == still_owed


def test_what_nobody_need_hear_any_more_is_given_up_and_said(
    db: None, server: MailServer, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses["*"] = TimeoutError()
    mails.owe(NOTE, "secret-address@example.com", within=timedelta(hours=1))
    for _ in range(10):
        mails.run()
        clock.shift(timedelta(minutes=20))

    assert not OwedMail.objects.exists()
    assert caplog.text.count("mail.given_up") == 1
    assert "secret-address" not in caplog.text


def test_one_that_cannot_be_composed_holds_up_no_other(db: None) -> None:
    mails.owe("accounts.invitations.no_such_function", "x")
    mails.owe(NOTE, "a@example.com")

    assert mails.run() == 1

    assert told() == ["a@example.com"]
    assert OwedMail.objects.get().tries_count == 1


def test_a_code_goes_before_a_stack_of_invitations(db: None) -> None:
    for number in range(3):
        mails.owe(NOTE, f"{number}@example.com")
    mails.owe(SOON, "code@example.com", within=timedelta(minutes=15))

    mails.run()

    assert told()[0] == "code@example.com"


def test_a_name_with_a_line_break_makes_no_header(acme: Organization) -> None:
    (message,) = mails.to_roles(
        acme, {Role.OWNER}, "alert", {"subject": "The key a\r\nBcc: eve@example.com is used"}
    )
    assert message.subject == "The key a Bcc: eve@example.com is used"
    assert message.recipients() == [acme.memberships.get().user.email]


@pytest.mark.django_db(transaction=True)
def test_senders_that_meet_send_each_mail_once() -> None:
    for number in range(12):
        mails.owe(NOTE, f"{number}@example.com")

    settled = race([mails.run for _ in range(4)])

    assert sum(count for count in settled if isinstance(count, int)) == 12
    assert sorted(told()) == sorted(f"{number}@example.com" for number in range(12))


@pytest.mark.django_db(transaction=True)
def test_whoever_sends_may_die_between_any_two_statements(stripe_account: StripeAccount) -> None:
    """Nobody is forgotten; the one message that was under way may come twice."""
    rounds = 0
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for killer in each_death(stripe_account):
            rounds += 1
            mails.owe(NOTE, f"a{rounds}@example.com", f"b{rounds}@example.com")
            with killer:
                mails.run()
            clock.shift(mails.LEASE + timedelta(seconds=1))
        mails.run()

    assert rounds > 5
    assert not OwedMail.objects.exists()
    for number in range(1, rounds + 1):
        for letter in "ab":
            assert told().count(f"{letter}{number}@example.com") in (1, 2)


def test_every_name_that_is_owed_composes(db: None, settings: Any) -> None:
    """A dotted name is found only when a mail is sent: each that the code names is one that there is."""
    names: set[str] = set()
    for room in ("accounts", "billing", "generations"):
        for file in (settings.BASE_DIR / room).rglob("*.py"):
            names |= set(re.findall(r'mails\.owe\(\s*"([\w.]+)"', file.read_text()))
    assert len(names) >= 5
    assert all(callable(import_string(name)) for name in names)
