"""`manage.py check_ledger`: exit status 1 and the differences, if the books do not prove themselves."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import checking
from billing.models import Transfer


class Command(BaseCommand):
    help = "Recompute every balance, hold and usage record from the transfers, and compare."

    def handle(self, *args: Any, **options: Any) -> None:
        found = checking.differences()
        if found:
            raise CommandError("\n".join(["The ledger does not add up:", *found]))
        self.stdout.write(f"The ledger adds up: {Transfer.objects.count():,} transfers.")
