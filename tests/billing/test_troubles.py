"""What of money needs a person is told in one sentence each, with the way to its page."""

from datetime import timedelta

import pytest
import stripe
from django.utils import timezone

from billing import checking, troubles
from billing.models import LedgerCheck, StripeCheck, StripeEvent
from billing.stripe_gateway.connection import StripeRefused, StripeUnavailable, asking


def prove_and_compare() -> None:
    now = timezone.now()
    checking.check()
    StripeCheck.objects.create(started_at=now, finished_at=now, since=now - timedelta(days=2))


def test_when_all_is_well_nothing_is_said(db: None) -> None:
    prove_and_compare()

    assert troubles.found() == []


def test_dead_events_are_told_with_their_number(db: None) -> None:
    prove_and_compare()
    at = timezone.now().replace(year=2026, month=5, day=4, hour=3, minute=2)
    for number in range(2):
        StripeEvent.objects.create(id=f"evt_{number}", type="a", state="dead", due_at=at)
    StripeEvent.objects.update(received_at=at)

    (told,) = troubles.found()

    assert (told.count, told.path) == (2, "/operator/events")
    assert told.words == (
        "Dead Stripe events: 2; failed six times; run them again once the cause is mended;"
        " the oldest came 2026-05-04 03:02 UTC."
    )


def test_books_that_were_not_proved_for_a_day_are_told(db: None) -> None:
    prove_and_compare()
    LedgerCheck.objects.update(finished_at=timezone.now() - timedelta(hours=31))

    (told,) = troubles.found()

    assert told.words.startswith("Differences within our own books: 0; that is too long ago")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (stripe.AuthenticationError("no"), "Stripe cannot be asked: Stripe refuses our key."),
        (stripe.RateLimitError("no"), "Stripe cannot be asked: RateLimitError"),
        (stripe.IdempotencyError("no"), ""),
    ],
)
def test_a_stripe_that_cannot_be_asked_is_told_and_one_that_says_no_is_not(
    db: None, error: stripe.StripeError, said: str
) -> None:
    prove_and_compare()

    with pytest.raises((StripeUnavailable, StripeRefused)), asking():
        raise error

    words = [trouble.words for trouble in troubles.found()]
    assert len(words) == bool(said)
    assert all(each.startswith(said) for each in words)
