"""How Stripe is reached, and what its refusals mean to us."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import stripe
from django.conf import settings
from django.core.cache import cache as shared
from django.db import connection

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20  # with its repeats it ends before a task does
LATELY, LATELY_SECONDS = "stripe_unavailable", 120
HTTP_CLIENT: stripe.HTTPClient | None = None  # the wire; tests put another one here


class StripeUnavailable(Exception):
    """Not answered, or not now. The same call with the same idempotency key may be made again."""


class StripeRefused(Exception):
    """Stripe understood the call and will never do it. `code` is Stripe's word."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class CardDeclined(StripeRefused):
    """The card was not charged. `intent_id` is the payment that stays open until it is canceled."""

    def __init__(self, message: str, code: str, intent_id: str) -> None:
        super().__init__(message, code)
        self.intent_id = intent_id


@cache
def _client(key: str, url: str, http_client: stripe.HTTPClient | None) -> stripe.StripeClient:
    # One address for all four: one that was left out would be the real one.
    return stripe.StripeClient(
        key,
        base_addresses={"api": url, "connect": url, "files": url, "meter_events": url},
        http_client=http_client or stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        max_network_retries=2 if http_client is None else 0,
    )


@contextmanager
def asking() -> Iterator[stripe.StripeClient]:
    """The client, for one question. Raises StripeUnavailable, StripeRefused or CardDeclined.

    No transaction may be open: this waits for a stranger.
    """
    blocks = connection.atomic_blocks
    is_in_work = any(not getattr(block, "_from_testcase", False) for block in blocks)
    assert not is_in_work, "Stripe is never asked inside a transaction"
    try:
        yield _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_URL, HTTP_CLIENT)
    except stripe.CardError as error:
        details = error.error
        intent = details.payment_intent if details else None
        code = (details.decline_code if details else None) or error.code or "card_declined"
        raise CardDeclined(
            error.user_message or "The card was declined.", code, intent.id if intent else ""
        ) from None
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        # Ours to mend, and nothing is lost meanwhile: what waits is asked again.
        logger.error("stripe.key_refused request=%s", error.request_id)
        raise _unavailable("Stripe refuses our key.") from None
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        message = error.user_message or "The request was refused."
        raise StripeRefused(message, error.code or "invalid_request") from None
    except stripe.StripeError as error:
        raise _unavailable(f"{type(error).__name__}, request {error.request_id}.") from None


def _unavailable(why: str) -> StripeUnavailable:
    """Remembered for all processes, so that our staff is told if it goes on."""
    shared.set(LATELY, why, LATELY_SECONDS)
    return StripeUnavailable(why)


def why_unavailable() -> str:
    """What was said the last time that Stripe could not be asked, if that was just now; else nothing."""
    return str(shared.get(LATELY, ""))
