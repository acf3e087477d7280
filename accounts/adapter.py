"""allauth, where our people differ from its defaults."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts import middleware
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Our users have no user name, and look at one organization from the moment they sign in."""

    def populate_username(self, request: object, user: object) -> None:
        return None

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        middleware.choose_first(request, user)

    def unstash_verified_email(self, request: HttpRequest) -> str | None:
        """The address that an invitation proved, if it is the one that signs up now: nobody else's account gets it."""
        proved: str | None = super().unstash_verified_email(request)
        typed = request.POST.get("email", "").strip().lower()
        return proved if proved and proved.lower() == typed else None
