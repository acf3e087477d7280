"""The process that reads from strangers' servers: the files that requests name by URL. `manage.py worker` keeps one
running; several share the work."""

import os
from typing import Any

from django.core.management.base import BaseCommand

from generations import fetcher
from seedance_saas.loops import Loops


class Command(BaseCommand):
    help = "Fetch the files of requests until SIGTERM or SIGINT. `manage.py worker` does this, too."

    def handle(self, *args: Any, **options: Any) -> None:
        Loops("fetcher", {"files": fetcher.run}).run()
        os._exit(0)  # threads may still wait for strangers; what they were to bring is given back
