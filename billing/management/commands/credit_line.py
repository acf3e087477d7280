"""`manage.py credit_line org_… --limit-usd 5000 --net-days 30 --by …`: approve a line or change its terms;
`--close --reason …` closes it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.operators import add_by, operator
from accounts.models import Organization, User
from billing import credit_lines
from billing.models import CreditLine
from billing.operator_pages import fields, organizations
from seedance_saas.api import usd
from seedance_saas.errors import Refusal


class Command(BaseCommand):
    help = "Approve, change or close the credit line of an organization. A repeat changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organization", metavar="ORGANIZATION", help="org_…, or its whole name")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--limit-usd", metavar="USD", help="what may be open at any moment")
        what.add_argument("--close", action="store_true", help="nothing new is held from it")
        parser.add_argument("--net-days", type=int, help="to pay an invoice; 0 charges the card")
        parser.add_argument("--reason", help="why it is closed")
        add_by(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor = operator(options["by"])
        try:
            organization = organizations.find(options["organization"])
            if options["close"]:
                self._close(organization, actor, options)
            else:
                self._approve(organization, actor, options)
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        line = CreditLine.objects.select_related("organization").get(organization=organization)
        now = credit_lines.standing(line)
        self.stdout.write(
            f"{organization.name}: {line.state}, limit ${usd(now.limit_microusd)}, available"
            f" ${usd(now.available_microusd)}, held ${usd(now.held_microusd)}, used and not paid"
            f" ${usd(now.open_microusd)}."
        )

    def _approve(self, organization: Organization, actor: User, options: dict[str, Any]) -> None:
        if options["net_days"] is None:
            raise CommandError("--limit-usd needs --net-days.")
        credit_lines.approve(
            organization,
            limit_cents=fields.cents(options["limit_usd"], param="--limit-usd"),
            net_days=options["net_days"],
            actor=actor,
        )

    def _close(self, organization: Organization, actor: User, options: dict[str, Any]) -> None:
        if not CreditLine.objects.filter(organization=organization).exists():
            raise CommandError(f"{organization.name} has no credit line.")
        credit_lines.close(
            organization,
            CreditLine.Closure.OPERATOR,
            reason=fields.reason(options["reason"] or "", param="--reason"),
            actor=actor,
        )
