from django.apps import AppConfig


class AccountsConfig(AppConfig):
    default = True
    name = "accounts"

    def ready(self) -> None:
        from accounts import sign_in_events

        sign_in_events.listen()


class SessionsOfPeopleConfig(AppConfig):
    """allauth's table of where a person is signed in. Its own listeners would write the sessions' keys into it:
    sessions.note writes their hashes."""

    name = "allauth.usersessions"
    default_auto_field = "django.db.models.BigAutoField"
