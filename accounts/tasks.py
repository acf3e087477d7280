"""What the queue runs for this room."""

from accounts import courier, idempotency, webhook_mails, webhooks
from accounts.models import WebhookEndpoint


def forget_idempotency_keys() -> None:
    idempotency.forget()


def forget_events() -> None:
    webhooks.forget()


def send_webhooks() -> None:
    """Every second: what happened becomes deliveries, and what is due is sent."""
    courier.run()


def tell_endpoint_disabled(endpoint_id: str) -> None:
    webhook_mails.endpoint_disabled(
        WebhookEndpoint.objects.select_related("organization").get(pk=endpoint_id)
    )
