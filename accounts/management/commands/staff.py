"""`manage.py staff`: who of our staff there is; `--admit` and `--dismiss` change it."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import second_factor, staff
from accounts.management.operators import add_by, operator
from accounts.models import User


class Command(BaseCommand):
    help = "List our staff, let a person in who has an account, or take the console away from one."

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group()
        who.add_argument("--admit", metavar="E-MAIL")
        who.add_argument("--dismiss", metavar="E-MAIL")
        parser.add_argument("--reason", default="")
        add_by(parser, required=False)

    def handle(self, *args: Any, **options: Any) -> None:
        if email := options["admit"] or options["dismiss"]:
            self._change(email, **options)
        else:
            self._list()

    def _change(self, email: str, **options: Any) -> None:
        by, reason = operator(options["by"] or ""), options["reason"].strip()
        if not reason:
            raise CommandError("--reason must not be empty.")
        user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"There is nobody with the address {email}.")
        if options["admit"]:
            changed, words = staff.admit(user, by=by, reason=reason), "belongs to our staff"
        else:
            changed, words = staff.dismiss(user, by=by, reason=reason), "is not of our staff"
        self.stdout.write(
            f"{user.email} {words} now." if changed else "Nothing was changed: so it was."
        )

    def _list(self) -> None:
        with_one = Authenticator.objects.filter(type__in=second_factor.FACTORS)
        has_one = set(with_one.values_list("user_id", flat=True))
        for user in User.objects.filter(is_staff=True, is_active=True).order_by("email"):
            lacks = "" if user.pk in has_one else "  (no second factor yet: sees nothing)"
            self.stdout.write(f"{user.email}{lacks}")
