"""`manage.py rebuild_rollups`: usage days from usage records and spending days from holds, with what differed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.models import Organization
from billing import rollups


class Command(BaseCommand):
    help = "Write the usage and spending days anew from what they are derived from."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organizations", nargs="*", metavar="org_…", help="all without any")
        parser.add_argument("--check", action="store_true", help="only say what differs")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = Organization.objects.order_by("pk")
        if options["organizations"]:
            asked = asked.filter(pk__in=options["organizations"])
        verb = rollups.differences if options["check"] else rollups.rebuild
        found = 0
        for organization in asked.iterator():
            for difference in verb(organization):
                found += 1
                self.stdout.write(difference)
        self.stdout.write(f"{asked.count():,} organizations, {found:,} differences.")
