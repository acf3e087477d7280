"""Whatever happens in whatever order, one comparison later our books and Stripe's are the same, to the cent."""

import logging
import sqlite3
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.billing.stripe_history import EVERY_ACT, Stripe
from tests.stripe_account import StripeAccount


@pytest.fixture
def histories(stripe_account: StripeAccount) -> Iterator[Callable[[int, int], None]]:
    """Plays so many, of so many acts each."""
    empty = sqlite3.connect(":memory:")
    stripe_account.simulator.store.connection.backup(empty)
    Stripe.account, Stripe.empty, Stripe.steps_count = stripe_account, empty, 0
    Stripe.met.clear()

    def play(count: int, steps_count: int) -> None:
        run_state_machine_as_test(
            Stripe,
            settings=settings(
                max_examples=count,
                stateful_step_count=steps_count,
                deadline=None,
                database=None,
                derandomize=True,  # the same histories each time: a red run can be run again
                phases=[Phase.generate],  # to shrink one takes minutes: add Phase.shrink by hand
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )

    logging.disable(logging.WARNING)
    yield play
    logging.disable(logging.NOTSET)
    empty.close()


@pytest.mark.thorough
@pytest.mark.django_db
def test_random_histories_end_with_equal_books(histories: Callable[[int, int], None]) -> None:
    histories(4, 24)

    assert Stripe.steps_count >= 80, Stripe.met


@pytest.mark.thorough
@pytest.mark.django_db
def test_histories_in_which_all_has_happened_do_too(
    histories: Callable[[int, int], None],
) -> None:
    histories(23, 24)

    assert Stripe.steps_count >= 500, Stripe.met
    happened = {"topped up", "healed", "Stripe was away", "disputes: is won", "send_refund"}
    assert {*EVERY_ACT, *happened} <= {name for name, count in Stripe.met.items() if count}


@pytest.mark.thorough
@pytest.mark.django_db
def test_many_more_histories_do_too(histories: Callable[[int, int], None]) -> None:
    histories(30, 50)

    assert Stripe.steps_count >= 1_200, Stripe.met
