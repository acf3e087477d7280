"""Who an organization is at Stripe. Its card is followed in `cards`."""

import logging

from accounts import roles
from accounts.models import Organization
from billing.models import StripeCustomer
from billing.stripe_gateway import payers

logger = logging.getLogger(__name__)


def ensure(organization: Organization) -> StripeCustomer:
    """The organization's customer at Stripe, made if it has none. Two at once make one.

    Asks Stripe, so no transaction may be open. Raises StripeUnavailable.
    """
    assert not organization.is_sandbox, "a sandbox never meets Stripe"
    if known := StripeCustomer.objects.filter(organization=organization).first():
        return known
    StripeCustomer.objects.bulk_create(
        [StripeCustomer(organization=organization, stripe_id=_create(organization))],
        ignore_conflicts=True,
    )
    return StripeCustomer.objects.get(organization=organization)


def renew(stripe_id: str) -> str:
    """Somebody deleted a customer at Stripe: the organization gets another one, for that one can pay nothing any more.

    Its id; "" if it was none of ours, or lives. A repeat changes nothing. Asks Stripe.
    """
    of_it = StripeCustomer.objects.filter(stripe_id=stripe_id)
    known = of_it.select_related("organization").first()
    if known is None or not payers.is_deleted(stripe_id):
        return ""
    renewed = _create(known.organization, after=stripe_id)
    of_it.update(stripe_id=renewed)
    logger.error("customer.deleted organization=%s stripe_id=%s", known.pk, stripe_id)
    return renewed


def _create(organization: Organization, *, after: str = "") -> str:
    payer = (
        organization.memberships.filter(role__in=roles.BUYERS, user__is_active=True)
        .select_related("user")
        .order_by("id")
        .first()
    )
    return payers.create_customer(
        organization.pk,
        name=organization.name,
        email=payer.user.email if payer else "",
        after=after,
    )
