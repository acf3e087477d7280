"""The process that writes to strangers' servers: webhooks and mails. `manage.py worker` keeps one running; several
share the work."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import courier, mails
from seedance_saas.loops import Loops


class Command(BaseCommand):
    help = "Send webhooks and mails until SIGTERM or SIGINT. `manage.py worker` does this, too."

    def handle(self, *args: Any, **options: Any) -> None:
        Loops("courier", {"webhooks": courier.run, "mails": mails.run}).run()
