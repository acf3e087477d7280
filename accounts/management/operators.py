"""Who of our staff sits at a command line."""

from django.core.management.base import CommandError, CommandParser

from accounts.models import User


def add_by(parser: CommandParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--by", required=required, metavar="E-MAIL", help="of the operator who does it"
    )


def operator(email: str) -> User:
    """Raises CommandError for an address of nobody of our staff."""
    user = User.objects.filter(email=email.strip().lower(), is_staff=True, is_active=True).first()
    if user is None:
        raise CommandError(f"--by: nobody of our staff has the address {email}.")
    return user
