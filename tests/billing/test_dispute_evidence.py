"""Until when a dispute waits for our answer: as Stripe says, and no longer than it waits."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from accounts.models import Organization, User
from billing.models import Reversal
from tests.billing.bought import bought, settle
from tests.stripe_account import StripeAccount

DISPUTES = "4000000000000259"


def test_the_day_stands_with_the_dispute_until_it_was_answered(
    acme: Organization,
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    bought(acme, member_of(acme), stripe_account, run_queue, card=DISPUTES)
    settle(stripe_account, run_queue)

    dispute = Reversal.objects.get()
    assert dispute.state == "open"
    assert dispute.evidence_due_at is not None
    assert timedelta(days=6) < dispute.evidence_due_at - timezone.now() < timedelta(days=8)

    stripe_account.client.v1.disputes.update(
        dispute.stripe_id, {"evidence": {"product_description": "Video"}, "submit": True}
    )
    settle(stripe_account, run_queue)

    answered = Reversal.objects.get()
    assert (answered.state, answered.evidence_due_at) == ("open", None)
