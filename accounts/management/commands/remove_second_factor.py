"""`manage.py remove_second_factor person@example.com --reason … --by …`: for whoever lost phone and recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import second_factor
from accounts.management.operators import add_by, operator
from accounts.models import User


class Command(BaseCommand):
    help = (
        "Remove all second factors of a person, and end their sessions. Make sure who asks for it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="E-MAIL", help="of the person")
        parser.add_argument("--reason", required=True, help="how it is known who asked")
        add_by(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user, by = _person(options["email"]), operator(options["by"])
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("--reason must not be empty.")
        removed = second_factor.remove_all(user, by=by, reason=reason)
        self.stdout.write(
            f"{user.email} signs in with the password alone now, and was told so by mail."
            if removed
            else f"{user.email} had no second factor; nothing was changed."
        )


def _person(email: str) -> User:
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise CommandError(f"There is nobody with the address {email}.")
    return user
