"""What the queue runs for this room."""

from accounts import idempotency, invitations, webhooks
from accounts.models import Invitation


def forget_idempotency_keys() -> None:
    idempotency.forget()


def forget_events() -> None:
    webhooks.forget()


def mail_invitation(invitation_id: str, sent_at: str) -> None:
    """A repeat, which the queue rarely makes, mails the same link again. One that was sent again has a newer task."""
    found = Invitation.objects.select_related("organization", "invited_by").filter(pk=invitation_id)
    invitation = found.first()
    if invitation and invitation.sent_at.isoformat() == sent_at:
        invitations.mail(invitation)
