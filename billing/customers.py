"""Who an organization is at Stripe. Its card is followed in `cards`."""

from accounts import roles
from accounts.models import Organization
from billing.models import StripeCustomer
from billing.stripe_gateway import payers


def ensure(organization: Organization) -> StripeCustomer:
    """The organization's customer at Stripe, made if it has none. Two at once make one.

    Asks Stripe, so no transaction may be open. Raises StripeUnavailable.
    """
    assert not organization.is_sandbox, "a sandbox never meets Stripe"
    if known := StripeCustomer.objects.filter(organization=organization).first():
        return known
    payer = (
        organization.memberships.filter(role__in=roles.BUYERS, user__is_active=True)
        .select_related("user")
        .order_by("id")
        .first()
    )
    stripe_id = payers.create_customer(
        organization.pk, name=organization.name, email=payer.user.email if payer else ""
    )
    StripeCustomer.objects.bulk_create(
        [StripeCustomer(organization=organization, stripe_id=stripe_id)], ignore_conflicts=True
    )
    return StripeCustomer.objects.get(organization=organization)
