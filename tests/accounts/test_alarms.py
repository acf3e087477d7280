"""A trouble that lasts is told to our staff once, by whichever clock is first, and again only when it has doubled."""

import smtplib
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import alarms
from accounts.models import Alarm, User
from seedance_saas.troubles import Trouble
from tests.pages.conftest import signed_in
from tests.race import race
from tests.world import make_user

there: list[Trouble] = []
DRIFT = Trouble("books", "The books differ.", path="/operator/ledger", count=2)


def here() -> list[Trouble]:
    return there


def broken() -> list[Trouble]:
    raise ValueError("planted")


@pytest.fixture(autouse=True)
def one_source(settings: Settings) -> None:
    settings.TROUBLES = [f"{__name__}.here"]
    settings.PUBLIC_URL = "https://video.example.com"
    there[:] = [DRIFT]


@pytest.fixture
def ann(db: None) -> User:
    ann = make_user("ann@operator.example")
    User.objects.filter(pk=ann.pk).update(is_staff=True)
    make_user("customer@example.com")
    return ann


def later(minutes: int) -> None:
    """As if everything so far had happened so much earlier."""
    by = timedelta(minutes=minutes)
    for alarm in Alarm.objects.all():
        for name in ("began_at", "seen_at", "due_at", "told_at"):
            if moment := getattr(alarm, name):
                setattr(alarm, name, moment - by)
        alarm.save()


def test_what_lasts_two_minutes_is_told_once_to_our_staff_alone(ann: User) -> None:
    alarms.watch()
    assert mail.outbox == []

    later(2)
    alarms.watch()
    later(120)
    alarms.watch()

    (sent,) = mail.outbox
    assert sent.to == ["ann@operator.example"]
    assert sent.subject == "The books differ."
    assert "https://video.example.com/operator/ledger" in str(sent.body)


def test_what_goes_before_it_is_told_wakes_nobody(ann: User) -> None:
    alarms.watch()
    there.clear()
    later(2)
    alarms.watch()
    later(11)
    alarms.watch()

    assert mail.outbox == []
    assert Alarm.objects.get().ended_at is not None


def test_what_comes_and_goes_is_one_alarm_and_what_comes_back_much_later_another(ann: User) -> None:
    for _ in range(4):
        there[:] = [DRIFT]
        alarms.watch()
        later(3)
        there.clear()
        alarms.watch()
        later(3)
    there[:] = [DRIFT]
    alarms.watch()
    assert (Alarm.objects.count(), len(mail.outbox)) == (1, 1)

    there.clear()
    later(11)
    alarms.watch()
    there[:] = [DRIFT]
    alarms.watch()
    later(2)
    alarms.watch()

    assert (Alarm.objects.count(), len(mail.outbox)) == (2, 2)


@pytest.mark.parametrize(
    ("_case", "count", "minutes", "told"),
    [
        ("a little more", 3, 61, 1),
        ("twice as much, within the hour", 4, 58, 1),
        ("twice as much", 4, 61, 2),
    ],
)
def test_it_is_told_again_when_it_has_doubled_and_an_hour_has_passed(
    ann: User, _case: str, count: int, minutes: int, told: int
) -> None:
    alarms.watch()
    later(2)
    alarms.watch()
    later(minutes)
    there[:] = [Trouble("books", "The books differ more.", count=count)]
    alarms.watch()

    assert len(mail.outbox) == told


def test_a_mail_that_does_not_go_out_is_sent_again(
    ann: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alarms.watch()
    later(2)
    with monkeypatch.context() as broken_server:

        def refuse(message: EmailMultiAlternatives) -> None:
            raise smtplib.SMTPServerDisconnected("gone")

        broken_server.setattr(EmailMultiAlternatives, "send", refuse)
        alarms.watch()
    alarms.watch()
    assert (mail.outbox, Alarm.objects.get().told_at) == ([], None)
    assert "alarm name=books count=2 The books differ." in caplog.text

    later(5)
    alarms.watch()

    assert len(mail.outbox) == 1


def test_named_addresses_get_it_instead_and_one_mail_tells_all(
    ann: User, settings: Settings
) -> None:
    settings.ALARM_EMAILS = ["night@pager.example", "boss@example.com"]
    there.append(Trouble("queue", "A task waits."))
    alarms.watch()
    later(2)
    alarms.watch()

    assert [sent.to for sent in mail.outbox] == [["night@pager.example"], ["boss@example.com"]]
    assert mail.outbox[0].subject == "The books differ. And 1 more."
    assert "A task waits." in str(mail.outbox[0].body)


def test_a_room_that_cannot_look_hides_no_other_and_is_a_trouble_itself(
    ann: User, settings: Settings
) -> None:
    settings.TROUBLES = [f"{__name__}.broken", f"{__name__}.here"]
    alarms.watch()

    assert set(alarms.now_open().values_list("name", flat=True)) == {
        "books",
        f"not-asked:{__name__}.broken",
    }


@pytest.mark.django_db(transaction=True)
def test_many_clocks_tell_once(ann: User) -> None:
    alarms.watch()
    later(2)

    race([alarms.watch] * 4)

    assert (Alarm.objects.count(), len(mail.outbox)) == (1, 1)


def test_the_database_keeps_one_open_alarm_of_a_name(db: None) -> None:
    alarms.watch()
    now = timezone.now()

    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.create(
            name="books", words="x", count=1, began_at=now, seen_at=now, due_at=now
        )


def test_the_console_shows_what_is_open(ann: User, page_for: Callable[[User], Client]) -> None:
    Authenticator.objects.create(user=ann, type=Authenticator.Type.TOTP, data={"secret": "x"})
    ann.refresh_from_db()
    alarms.watch()

    client = page_for(ann)
    signed_in(client, ann, at=time.time())
    page = client.get("/operator").content.decode()

    assert '<a href="/operator/ledger">The books differ.</a>' in page
    assert "not told by mail yet" in page
