"""`manage.py run_stripe_event evt_…` or `--all-dead`: events that nobody could handle are tried again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.operators import add_by, operator
from billing import stripe_webhook
from billing.models import StripeEvent


class Command(BaseCommand):
    help = "Queue dead events of Stripe's, as if they had just come. One that is not dead stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("event", nargs="?", metavar="ID", help="evt_…")
        which.add_argument("--all-dead", action="store_true")
        add_by(parser, required=False)

    def handle(self, *args: Any, **options: Any) -> None:
        actor = operator(options["by"]) if options["by"] else None
        events = StripeEvent.objects.filter(state=StripeEvent.State.DEAD).order_by("received_at")
        if options["event"]:
            events = StripeEvent.objects.filter(pk=options["event"])
            if not events.exists():
                raise CommandError(f"There is no event {options['event']}.")
        count = 0
        for event in events:
            if stripe_webhook.run_again(event, actor=actor):
                count += 1
                self.stdout.write(f"{event.id} runs again: {event.type}, after {event.error}")
        self.stdout.write(f"{count:,} queued.")
