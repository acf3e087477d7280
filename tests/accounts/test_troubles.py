"""Events that go to nobody and mails that do not go out are troubles, once they wait longer than they may."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import mails, troubles, webhooks
from accounts.models import Event, Organization, OwedMail


@pytest.mark.parametrize(("seconds", "expected"), [(59, []), (61, ["events"])])
def test_an_event_that_is_sent_to_nobody_for_a_minute_is_one(
    acme: Organization, seconds: int, expected: list[str]
) -> None:
    webhooks.publish(acme, "generation.succeeded", {"id": "gen_1"})
    Event.objects.update(created_at=timezone.now() - timedelta(seconds=seconds))

    assert [trouble.name for trouble in troubles.found()] == expected


@pytest.mark.parametrize(("minutes", "expected"), [(14, []), (16, ["mails"])])
def test_a_mail_that_is_owed_for_a_quarter_of_an_hour_is_one(
    db: None, minutes: int, expected: list[str]
) -> None:
    mails.owe("accounts.account_mails.compose", "x")
    OwedMail.objects.update(owed_at=timezone.now() - timedelta(minutes=minutes))

    assert [trouble.name for trouble in troubles.found()] == expected
