"""The card that is charged while nobody is there: a copy of what Stripe says, renewed when it may have changed."""

import logging

from django.db import transaction

from billing import auto_top_ups, ledger
from billing.models import StripeCustomer
from billing.stripe_gateway import payers

logger = logging.getLogger(__name__)


def follow(stripe_id: str) -> None:
    """Copy the customer's present card. One that is not ours is passed over; a repeat changes nothing.

    Another number than the one that failed lets auto top-up go on. Asks Stripe, then locks the wallet.
    """
    customer = StripeCustomer.objects.filter(stripe_id=stripe_id).select_related("organization")
    known = customer.first()
    if known is None:
        return
    card = payers.card_of(stripe_id)
    with transaction.atomic():
        ledger.lock(known.organization)
        StripeCustomer.objects.filter(pk=known.pk).update(
            payment_method_id=card.payment_method_id if card else "",
            card_brand=card.brand if card else "",
            card_last4=card.last4 if card else "",
            card_fingerprint=card.fingerprint if card else "",
        )
        auto_top_ups.note_card(known.organization, card.fingerprint if card else "")
    logger.info(
        "card.followed organization=%s has_card=%s", known.organization_id, card is not None
    )
