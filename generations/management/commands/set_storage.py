"""`manage.py set_storage --organization org_… --retention-days 90 --why …`: how long its files stay from now on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.operators import add_by, operator
from accounts.models import Organization
from generations import storage_policies
from seedance_saas.errors import Refusal


class Command(BaseCommand):
    help = "Change how long an organization's files are kept, or how many bytes it may upload."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="org_…")
        parser.add_argument("--retention-days", type=int)
        parser.add_argument("--upload-bytes-max", type=int)
        parser.add_argument("--why", required=True)
        add_by(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(pk=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['organization']}.")
        try:
            policy = storage_policies.set_policy(
                organization,
                retention_days=options["retention_days"],
                upload_bytes_max=options["upload_bytes_max"],
                why=options["why"],
                actor=operator(options["by"]),
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(
            f"{organization.pk}: files are kept {policy.retention_days} days, "
            f"{policy.upload_bytes_max:,} bytes may be uploaded."
        )
