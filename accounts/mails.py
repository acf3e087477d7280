"""Mails: text, and the same in simple HTML. Owed in the transaction of what they tell, and sent until they are sent.

    owe     a row, in the caller's transaction, with the name of the function that composes the mail
    run     the courier's process, and no task: a mail server that is away takes no task's place

Each address gets it once; whoever dies between the mail server's yes and our note of it may send that one again.
"""

import logging
import smtplib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Organization, OwedMail, Role

logger = logging.getLogger(__name__)

WITHIN = timedelta(days=2)  # later nobody needs to hear it
LEASE = timedelta(minutes=2)  # more than one message takes: whoever took it is dead by then
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 30, 3600  # the first, and then twice as long each time


def owe(compose: str, *arguments: str, within: timedelta = WITHIN) -> None:
    """`compose` ("accounts.webhook_mails.endpoint_disabled") gives the messages, one address each, when it is
    called with `arguments`. It loads the rest, and gives none if nobody need be told any more."""
    now = timezone.now()
    OwedMail.objects.create(
        compose=compose, arguments=arguments, due_at=now, give_up_at=now + within
    )


def run(*, must_stop: Callable[[], bool] = lambda: False) -> int:
    """Send what is due until nothing is; how many were settled. Several at once share the work."""
    settled = 0
    while not must_stop() and (mail := _take()):
        settled += _send(mail)
    return settled


def to_roles(
    organization: Organization, roles: set[Role], template: str, context: dict[str, Any]
) -> list[EmailMultiAlternatives]:
    """To each active person with one of the roles. `context` has `subject`."""
    people = organization.memberships.filter(role__in=roles, user__is_active=True).order_by("id")
    context = {"organization": organization, **context}
    return _messages(people.values_list("user__email", flat=True), template, context)


def to_one(address: str, template: str, context: dict[str, Any]) -> list[EmailMultiAlternatives]:
    """`context` has `subject`."""
    return _messages([address], template, context)


def _messages(
    addresses: Any, template: str, context: dict[str, Any]
) -> list[EmailMultiAlternatives]:
    """`mails/<template>.txt` and `.html`, one message an address. A name in the subject may hold a line's end."""
    subject = " ".join(context["subject"].split())
    text = render_to_string(f"mails/{template}.txt", context)
    html = render_to_string(f"mails/{template}.html", context)
    messages = []
    for address in addresses:
        message = EmailMultiAlternatives(subject, text, to=[address])
        message.attach_alternative(html, "text/html")
        messages.append(message)
    return messages


@transaction.atomic
def _take() -> OwedMail | None:
    """One that is due, for us alone: a code, which is soon worth nothing, before a stack of invitations."""
    now = timezone.now()
    due = OwedMail.objects.filter(due_at__lte=now).order_by("give_up_at", "id")
    mail = due.select_for_update(skip_locked=True).first()
    if mail:
        mail.due_at, mail.tries_count = now + LEASE, mail.tries_count + 1
        mail.save(update_fields=["due_at", "tries_count"])
    return mail


def _send(mail: OwedMail) -> bool:
    """False if somebody has yet to get it. No transaction is open meanwhile."""
    try:
        messages = import_string(mail.compose)(*mail.arguments)
        if messages:
            with get_connection() as server:
                for message in messages:
                    if message.to[0] not in mail.told:
                        _send_one(mail, message, server)
    except OSError as error:  # the mail server's, among them all of smtplib
        logger.warning("mail.not_sent id=%s why=%s", mail.pk, type(error).__name__)
        return _send_later(mail)
    except Exception:
        logger.exception("mail.broke id=%s compose=%s", mail.pk, mail.compose)
        return _send_later(mail)
    mail.delete()
    return True


def _send_one(mail: OwedMail, message: EmailMultiAlternatives, server: Any) -> None:
    try:
        server.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        if any(code < 500 for code, _ in error.recipients.values()):
            raise
        logger.warning("mail.refused id=%s", mail.pk)  # for good: there is no such mailbox
    mail.told.append(message.to[0])
    mail.due_at = timezone.now() + LEASE
    mail.save(update_fields=["told", "due_at"])


def _send_later(mail: OwedMail) -> bool:
    now = timezone.now()
    if now >= mail.give_up_at:
        logger.error("mail.given_up id=%s compose=%s", mail.pk, mail.compose)
        mail.delete()
        return True
    pause = min(PAUSE_SECONDS * 2 ** (mail.tries_count - 1), PAUSE_SECONDS_MAX)
    mail.due_at = now + timedelta(seconds=pause)
    mail.save(update_fields=["due_at"])
    return False
