"""`manage.py stripe_setup`: make at Stripe what is missing, and say what was done. A repeat makes nothing."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing.stripe_gateway import setup
from billing.stripe_gateway.connection import StripeRefused, StripeUnavailable
from billing.stripe_webhook import EVENTS


class Command(BaseCommand):
    help = "Make the product, meters, price, webhooks and portal configuration that are missing at Stripe."

    def handle(self, *args: Any, **options: Any) -> None:
        url = f"{settings.WEBHOOK_URL}/webhooks/stripe"
        try:
            self.stdout.write(f"account {setup.account()} at {settings.STRIPE_URL}")
            for step in (
                setup.product(),
                setup.meters(),
                setup.price(),
                setup.webhooks(url, EVENTS),
                setup.portal(),
            ):
                for line in step:
                    self.stdout.write(line)
        except (StripeRefused, StripeUnavailable) as error:
            raise CommandError(f"Stripe: {error}") from None
        self.stdout.write("Secrets that were made belong into STRIPE_WEBHOOK_SECRETS.")
