"""What people do at the door, for tests: forms as a browser sends them, codes as a phone shows them."""

import re
import time
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.mail import EmailMessage
from django.test import Client

from accounts import secrets_at_rest
from accounts.models import User
from tests.world import PASSWORD

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

    Answer = _MonkeyPatchedWSGIResponse


def sign_in(
    client: Client, user: User | str, password: str = PASSWORD, address: str = "127.0.0.1"
) -> "Answer":
    email = user if isinstance(user, str) else user.email
    form = {"login": email, "password": password}
    return client.post("/accounts/login/", form, REMOTE_ADDR=address)


def is_signed_in(client: Client) -> bool:
    """As the server sees it: the page of one's account opens."""
    return client.get("/account").status_code == 200


def give_app(user: User) -> str:
    """An authenticator app; its secret."""
    secret = "JBSWY3DPEHPK3PXP" * 2
    TOTP.activate(user, secret)
    return secret


def give_codes(user: User) -> list[str]:
    """Recovery codes beside a factor that there is."""
    codes: list[str] = RecoveryCodes.activate(user).generate_codes()
    return codes


def code_of(secret: str, *, later: int = 0) -> str:
    """What the app shows now, or `later` half minutes from now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))


def secret_of(user: User) -> str:
    found = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP)
    return secrets_at_rest.decrypt(found.data["secret"])


def code_in(mail: EmailMessage) -> str:
    """The code of six digits that stands on a line of its own."""
    found = re.search(r"^(\d{6})$", str(mail.body), re.MULTILINE)
    assert found
    return found[1]
