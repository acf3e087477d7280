"""`manage.py stripe_setup`: make at Stripe what is missing, and say what was done. A repeat makes nothing."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.stripe_gateway import setup
from billing.stripe_gateway.connection import StripeRefused, StripeUnavailable
from billing.stripe_gateway.setup import Piece
from billing.stripe_webhook import EVENTS


class Command(BaseCommand):
    help = "Make the product, meters, price, webhooks and portal configuration that are missing at Stripe."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="make nothing, and exit with 1 if a piece is missing",
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        try:
            self.stdout.write(f"account {setup.account()} at {settings.STRIPE_URL}")
            pieces = []
            for piece in _pieces(make=not check):
                pieces.append(piece)
                self.stdout.write(f"{piece.name}: {piece.state}")
                if piece.secret:
                    self.stdout.write(f"  its secret, for STRIPE_WEBHOOK_SECRETS: {piece.secret}")
        except (StripeRefused, StripeUnavailable) as error:
            raise CommandError(f"Stripe: {error}") from None
        missing = sum(piece.state == "missing" for piece in pieces)
        if missing:
            raise CommandError(f"{missing} missing: run `manage.py stripe_setup` without --check.")


def _pieces(*, make: bool) -> Iterator[Piece]:
    url = f"{settings.WEBHOOK_URL}/webhooks/stripe"
    yield from setup.product(make=make)
    yield from setup.meters(make=make)
    yield from setup.price(make=make)
    yield from setup.webhooks(url, EVENTS, make=make)
    yield from setup.meter_errors(url, make=make)
    yield from setup.portal(make=make)
