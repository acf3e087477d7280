"""`manage.py refund pur_… --amount-usd 25 --reason … --by …`: give back of what is unspent; with `--spent-too`
also what was spent, which becomes debt."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.operators import add_by, operator
from billing import refunds
from billing.models import Purchase
from billing.operator_pages import fields
from seedance_saas.api import usd
from seedance_saas.errors import Refusal


class Command(BaseCommand):
    help = (
        "Refund a purchase. Each call is a refund of its own: what is unspent is the limit of all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("purchase", metavar="PURCHASE", help="pur_…")
        parser.add_argument("--amount-usd", required=True, metavar="USD", help="tax included")
        parser.add_argument("--spent-too", action="store_true", help="what was spent becomes debt")
        parser.add_argument("--reason", required=True)
        add_by(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor = operator(options["by"])
        purchase = (
            Purchase.objects.select_related("organization").filter(pk=options["purchase"]).first()
        )
        if purchase is None:
            raise CommandError(f"There is no purchase {options['purchase']}.")
        try:
            row = refunds.request(
                purchase,
                amount_cents=fields.cents(options["amount_usd"], param="--amount-usd"),
                reason=fields.reason(options["reason"], param="--reason"),
                actor=actor,
                is_spent_too=options["spent_too"],
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        purchase.refresh_from_db()
        now = refunds.preview(purchase, 0)
        self.stdout.write(
            f"{row.id}: ${usd(row.amount_cents * 10_000)} goes back to {purchase.organization.name}."
            f" Of {purchase.id} ${usd(now.unspent_cents * 10_000)} is unspent now, and"
            f" ${usd(now.back_cents * 10_000)} went back in all."
        )
