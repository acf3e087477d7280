"""allauth, where our people differ from its defaults."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Our users have no user name."""

    def populate_username(self, request: object, user: object) -> None:
        return None
