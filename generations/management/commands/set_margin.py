"""`manage.py set_margin --plan pro --basis-points 500 --effective-from … --why …`: what a plan, or one
organization, pays over the list from then on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError
from django.utils.dateparse import parse_datetime

from accounts.management.operators import add_by, operator
from accounts.models import Organization
from generations import margins
from seedance_saas.errors import Refusal


class Command(BaseCommand):
    help = "Change what a plan, or one organization, pays. What is set can never be edited, only followed."

    def add_arguments(self, parser: CommandParser) -> None:
        payer = parser.add_mutually_exclusive_group(required=True)
        payer.add_argument("--plan", help="all organizations on it")
        payer.add_argument("--organization", help="org_…: this one alone")
        terms = parser.add_mutually_exclusive_group(required=True)
        terms.add_argument("--basis-points", type=int, help="500 is 5 %% over the list")
        terms.add_argument("--card", help="a published rate card, for an organization")
        terms.add_argument("--as-plan", action="store_true", help="nothing agreed any more")
        parser.add_argument("--effective-from", required=True, help="a time with its offset")
        parser.add_argument("--why", required=True)
        add_by(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            effective_from = parse_datetime(options["effective_from"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        if effective_from is None or effective_from.tzinfo is None:
            raise CommandError("--effective-from needs an offset, like 2026-07-01T00:00:00Z.")
        by = operator(options["by"])
        terms = {"effective_from": effective_from, "why": options["why"], "actor": by}
        try:
            if options["plan"]:
                if options["basis_points"] is None:
                    raise CommandError("A plan has a margin: --basis-points.")
                margins.set_for_plan(options["plan"], options["basis_points"], **terms)
            else:
                margins.agree(
                    Organization.objects.get(pk=options["organization"]),
                    card_version=options["card"],
                    margin_basis_points=options["basis_points"],
                    **terms,
                )
        except Organization.DoesNotExist:
            raise CommandError(f"There is no organization {options['organization']}.") from None
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        except IntegrityError as error:  # something else begins at that very moment
            raise CommandError(str(error)) from None
        who = f"plan {options['plan']}" if options["plan"] else options["organization"]
        self.stdout.write(f"Set for {who}, from {effective_from.isoformat()} on.")
