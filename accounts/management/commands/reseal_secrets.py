"""`manage.py reseal_secrets`: the last step before a retired secret leaves SECRET_KEY_FALLBACKS."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from accounts import resealing


class Command(BaseCommand):
    help = "Encrypt with today's SECRET_KEY what an older one encrypted: webhook secrets and second factors."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            number = resealing.reseal_all()
        except InvalidToken:
            raise CommandError(
                "Something was encrypted with a secret that is neither SECRET_KEY nor in SECRET_KEY_FALLBACKS."
                " Put the missing one there, and run this again."
            ) from None
        self.stdout.write(
            f"{number} secrets were encrypted anew."
            if number
            else "Everything is encrypted with today's SECRET_KEY. The fallbacks may go when no session needs them."
        )
