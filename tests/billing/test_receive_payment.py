"""A paid invoice clears what was owed, to the micro-dollar and once, and touches no credits."""

import pytest

from accounts.models import Organization
from billing import ledger
from billing.models import Transfer
from tests.billing.moves import lines
from tests.world import money

pytestmark = pytest.mark.tampers  # no invoice stands behind these payments


@pytest.mark.parametrize(
    ("paid_microusd", "moved"),
    [
        (1_234_567, [("payment", "cash", "receivable", 1_234_567)]),
        (
            1_230_000,
            [
                ("payment", "cash", "receivable", 1_230_000),
                ("write_off", "write_off", "receivable", 4_567),
            ],
        ),
        (
            1_240_000,
            [
                ("payment", "cash", "receivable", 1_240_000),
                ("write_off", "receivable", "write_off", 5_433),
            ],
        ),
        (0, [("write_off", "write_off", "receivable", 1_234_567)]),
    ],
)
def test_what_was_owed_is_cleared_once_and_what_cents_round_is_written_off(
    acme: Organization, paid_microusd: int, moved: list[tuple[str, str, str, int]]
) -> None:
    for _ in range(2):
        ledger.receive_payment(
            acme, paid_microusd=paid_microusd, owed_microusd=1_234_567, reference="invoice:1"
        )

    assert lines("invoice:1") == moved
    assert money(acme) == (25_000_000, 0)
    newest = Transfer.objects.filter(organization=acme).latest("number")
    assert newest.available_after_microusd == 25_000_000
