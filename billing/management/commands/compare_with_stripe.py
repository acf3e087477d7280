"""`manage.py compare_with_stripe`: what was healed, and exit status 1 with every difference that was not.

It has no time limit, unlike the daily task. What each organization used is compared by the queue, afterwards.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing import comparing
from billing.stripe_gateway.connection import StripeRefused, StripeUnavailable


class Command(BaseCommand):
    help = "Compare Stripe's books with ours, and bring ours to where Stripe is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            metavar="DATE",
            help="2026-06-17, in UTC; from the last comparison on without it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        since = _since(options["since"]) if options["since"] else None
        try:
            check = comparing.compare(since)
        except (StripeRefused, StripeUnavailable) as error:
            raise CommandError(f"Stripe: {error} The next comparison looks as far back.") from None
        for healed in check.healed:
            self.stdout.write(f"healed: {healed}")
        for difference in check.differences:
            self.stdout.write(f"difference: {difference}")
        what = f"{check.objects_count:,} objects since {check.since:%Y-%m-%d %H:%M} UTC"
        if check.differences:
            raise CommandError(f"Stripe's books are not ours: {what}, see above.")
        self.stdout.write(f"Stripe's books are ours: {what}, {len(check.healed):,} healed.")


def _since(text: str) -> datetime:
    try:
        since = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise CommandError(f"--since must be a day like 2026-06-17, not {text}.") from None
    if since > timezone.now():
        raise CommandError(f"--since must not be after today, and {text} is.")
    return since
