"""The name under which an end user leaves us, to a provider or to Stripe."""

import hashlib
import hmac

from accounts.models import Organization


def of(organization: Organization, end_user_id: str) -> str:
    """The same for the same end user of the same organization, and no way back without its secret."""
    digest = hmac.new(organization.pseudonym_secret.encode(), end_user_id.encode(), hashlib.sha256)
    return digest.hexdigest()[:32]
