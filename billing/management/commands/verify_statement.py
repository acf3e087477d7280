"""`manage.py verify_statement FILE...`: whether statements, in their order, are as they were written.

Reads the files and nothing else; whoever has no copy of this product runs `billing/statement_files.py`.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import statement_files


class Command(BaseCommand):
    help = "Verify the files of statements, each as the one that follows the file before it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for sentence in statement_files.verify_files(options["files"]):
                self.stdout.write(sentence)
        except (statement_files.BadStatement, OSError) as problem:
            raise CommandError(str(problem)) from None
