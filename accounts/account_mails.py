"""The mails about a person's own account, one sentence each, in two templates: text, and the same in HTML.

The names are allauth's: it says what happened, and this table how we tell it.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse

from accounts import mails


@dataclass(frozen=True)
class Mail:
    """`subject` and `sentence` may name the fields below. `link` is the name of a page of ours, and its words."""

    subject: str
    sentence: str
    link: tuple[str, str] | None = None


# What a mail may carry while it is owed. No link to set a password: that is made when it is sent.
FIELDS = ("code", "from_email", "to_email", "deleted_email", "provider", "ip")
FORGOTTEN = ("account_reset_password", "Choose a new password")
FACTORS = ("mfa_index", "See your second factors")
PASSKEYS = ("mfa_list_webauthn", "See your passkeys")
CONNECTED = ("socialaccount_connections", "See connected accounts")
NOT_YOU = "If this was not you, choose a new password now: it ends every session but the one you do it in."
CODE_WORKS_FOR = timedelta(minutes=15)
_CODE = "It works for 15 minutes, in the window that asked for it. We never ask you for it."
MAILS = {
    "email_confirmation_signup": Mail(
        "{code} is your code", f"Welcome. This code confirms your address. {_CODE}"
    ),
    "email_confirmation": Mail("{code} is your code", f"This code confirms your address. {_CODE}"),
    "account_already_exists": Mail(
        "You have an account already",
        "Somebody, probably you, wanted to create an account with this address, which has one. "
        "Sign in with it, or choose a new password if you forgot it.",
        FORGOTTEN,
    ),
    "unknown_account": Mail(
        "There is no account under this address",
        "Somebody, probably you, wanted to choose a new password for this address, which has no account here. "
        "Perhaps it is under another address of yours.",
        ("account_signup", "Create an account"),
    ),
    "password_reset_key": Mail(
        "Choose a new password",
        "Somebody, probably you, forgot the password of this account. The link works once, within an hour. "
        "If it was not you, do nothing: your password stays as it is.",
    ),
    "password_reset": Mail(
        "Your password was replaced",
        "Through a link from your mail. All sessions were ended.",
        FORGOTTEN,
    ),
    "password_changed": Mail(
        "Your password was changed", f"All other sessions were ended. {NOT_YOU}", FORGOTTEN
    ),
    "password_set": Mail(
        "A password was set", f"It opens your account from now on. {NOT_YOU}", FORGOTTEN
    ),
    "email_changed": Mail(
        "Your address was changed",
        f"From {{from_email}} to {{to_email}}: sign in with that now. {NOT_YOU}",
        FORGOTTEN,
    ),
    "email_deleted": Mail(
        "An address was removed",
        f"{{deleted_email}} no longer belongs to your account. {NOT_YOU}",
        FORGOTTEN,
    ),
    "totp_activated": Mail(
        "An authenticator app was added",
        f"You are asked for its code when you sign in. {NOT_YOU}",
        FACTORS,
    ),
    "totp_deactivated": Mail(
        "The authenticator app was removed", f"Its codes open nothing any more. {NOT_YOU}", FACTORS
    ),
    "second_factors_removed": Mail(
        "Your second factors were removed",
        "Our staff did it, because somebody said that phone and recovery codes were lost, and proved to be you. "
        "Your password alone opens the account now: set up a second factor again. If it was not you, write to us.",
        FACTORS,
    ),
    "webauthn_added": Mail(
        "A passkey was added", f"It opens your account from now on. {NOT_YOU}", PASSKEYS
    ),
    "webauthn_removed": Mail(
        "A passkey was removed", f"It opens nothing any more. {NOT_YOU}", PASSKEYS
    ),
    "recovery_codes_generated": Mail(
        "New recovery codes were made", f"The old ones open nothing any more. {NOT_YOU}", FACTORS
    ),
    "account_connected": Mail(
        "{provider} was connected",
        f"You can sign in with your account there from now on. {NOT_YOU}",
        CONNECTED,
    ),
    "account_disconnected": Mail(
        "{provider} was disconnected",
        f"You can no longer sign in with your account there. {NOT_YOU}",
        CONNECTED,
    ),
}


def send_later(name: str, email: str, context: dict[str, Any]) -> None:
    """Owe it in the caller's transaction. A code is worth nothing later."""
    fields = {field: str(context[field]) for field in FIELDS if context.get(field)}
    within = CODE_WORKS_FOR if "code" in fields else mails.WITHIN
    mails.owe("accounts.account_mails.compose", name, email, json.dumps(fields), within=within)


def compose(name: str, email: str, fields: str) -> list[EmailMultiAlternatives]:
    return of(name, email, json.loads(fields))


def of(name: str, email: str, fields: dict[str, str]) -> list[EmailMultiAlternatives]:
    """`fields` are those of `FIELDS`, and perhaps a `url` of its own."""
    mail = MAILS[name]
    values = dict.fromkeys(FIELDS, "") | fields
    subject = mail.subject.format(**values)
    url, words = fields.get("url", ""), subject
    if mail.link:
        page, words = mail.link
        url = f"{settings.PUBLIC_URL}{reverse(page)}"
    return mails.to_one(
        email,
        "account",
        {
            "subject": f"{subject} · Seedance SaaS",
            "headline": subject if not values["code"] else "Your code",
            "sentence": mail.sentence.format(**values),
            "code": values["code"],
            "address": values["ip"],
            "url": url,
            "words": words,
            "to": email,
        },
    )
