"""`manage.py publish_rate_card card.json --effective-from 2026-07-01T00:00:00Z`: from then on, for good."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction
from django.utils.dateparse import parse_datetime

from accounts.management.operators import add_by, operator
from generations import rate_card_files, rate_cards
from seedance_saas.api import usd
from seedance_saas.errors import Refusal


class Command(BaseCommand):
    help = "Publish the rate card in a JSON file. It can never be changed again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--effective-from", required=True, help="a time with its offset")
        parser.add_argument(
            "--own", action="store_true", help="not the list: for those with whom it is agreed"
        )

        add_by(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        by = operator(options["by"])
        try:
            effective_from = parse_datetime(options["effective_from"])
            if effective_from is None or effective_from.tzinfo is None:
                raise CommandError("--effective-from needs an offset, like 2026-07-01T00:00:00Z.")
            card, note = rate_card_files.read(json.loads(options["file"].read_text()))
            with transaction.atomic():
                rate_cards.draft(card, is_list=not options["own"], note=note)
                rate_cards.publish(card.version, effective_from=effective_from, why=note, actor=by)
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from None
        except IntegrityError as error:  # another list card begins at that very moment
            raise CommandError(str(error)) from None
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        for name, rule in rate_cards.under_cost(card):
            self.stderr.write(
                f"Warning: {rule.name} costs us ${usd(rule.cost_microusd_per_second)} per second, "
                f"and {name} pays ${usd(rule.rate_microusd_per_second)}."
            )
        self.stdout.write(f"Published {card.version}, from {effective_from.isoformat()} on.")
