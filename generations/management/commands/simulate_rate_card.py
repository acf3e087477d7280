"""`manage.py simulate_rate_card card.json --month 2026-05`: what that month would have brought at the card."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from generations import price_simulation, rate_card_files
from generations.price_simulation import Outcome
from seedance_saas.api import usd
from seedance_saas.errors import Refusal

COLUMNS = (
    "",
    "videos",
    "seconds",
    "revenue",
    "cost",
    "margin",
    "draft",
    "cost",
    "margin",
    "change",
)


class Command(BaseCommand):
    help = "Price a past month again at a rate card in a JSON file. Writes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--month", required=True, help="2026-05, in UTC")
        parser.add_argument("--plan", help="only the organizations on this plan")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            card, _ = rate_card_files.read(json.loads(options["file"].read_text()))
            starts_at, ends_at = price_simulation.month_of(options["month"])
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from None
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        found = price_simulation.replay(card, starts_at, ends_at, plan=options["plan"])
        self.stdout.write(f"{options['month']} as it was, and at {card.version} (US dollars)")
        for title, outcomes in (
            ("By model", found.by_model),
            ("By organization", found.by_organization),
            ("All", [found.total]),
        ):
            self._table(title, outcomes)
        for usage in found.unpriced:
            self.stderr.write(
                f"No price: {usage.model} at {usage.resolution}, {usage.seconds} s "
                f"of {usage.organization}. It is in no number above."
            )

    def _table(self, title: str, outcomes: list[Outcome]) -> None:
        rows = [(title, *COLUMNS[1:]), *map(_row, outcomes)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self.stdout.write("")
        for name, *numbers in rows:
            shown = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
            self.stdout.write("  ".join([name.ljust(widths[0]), *shown]))


def _row(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.name,
        f"{outcome.generations:,}",
        f"{outcome.seconds:,}",
        usd(outcome.revenue_now_microusd),
        usd(outcome.cost_now_microusd),
        usd(outcome.margin_now_microusd),
        usd(outcome.revenue_draft_microusd),
        usd(outcome.cost_draft_microusd),
        usd(outcome.margin_draft_microusd),
        usd(outcome.revenue_draft_microusd - outcome.revenue_now_microusd),
    )
