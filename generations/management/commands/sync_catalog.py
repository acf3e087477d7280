"""`manage.py sync_catalog`: read the providers' live schemas, and say what they open and close."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from generations import catalog_sync
from seedance_saas.api import usd


class Command(BaseCommand):
    help = (
        "Read what the providers offer now. What has a price is opened, what disappeared is closed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--show", action="store_true", help="only show what is sold now")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["show"]:
            differences = catalog_sync.sync()
            for difference in differences:
                (self.stderr if difference.is_trouble else self.stdout).write(str(difference))
            if not differences:
                self.stdout.write("Nothing differs.")
        for slug, resolution, seconds, rule, rate_microusd, sold_as in catalog_sync.table():
            price = f"${usd(int(rate_microusd))} per second ({rule})" if rule else ""
            self.stdout.write(f"{slug:38} {resolution:7} {seconds:8} {price:42} {sold_as}".rstrip())
