"""`manage.py operator_url`: where our own staff works. It stands nowhere else."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print the address of the operator's console."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{settings.PUBLIC_URL}/{settings.OPERATOR_PATH}/")
