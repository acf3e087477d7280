"""`manage.py check_ledger`: exit status 1 and the first difference, if the books do not prove themselves."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import checking


class Command(BaseCommand):
    help = "Recompute everything that is kept about money from the transfers, and compare."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="print every difference")

    def handle(self, *args: Any, **options: Any) -> None:
        check = checking.check(self.stderr.write if options["all"] else None)
        seconds = (check.finished_at - check.started_at).total_seconds()
        pace = (
            f"{check.transfers_count:,} transfers, {check.transfers_count / seconds:,.0f} a second"
        )
        if check.differences_count:
            raise CommandError(
                f"The ledger does not add up ({pace}). {check.differences_count:,} differences;"
                f" the first one:\n{check.first_difference}"
            )
        self.stdout.write(f"The ledger adds up: {pace}.")
