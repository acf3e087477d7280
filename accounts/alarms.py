"""What pages our staff at night: a trouble that lasts is told by mail once, and again only when it has doubled.

    seen     from now on it is open; UNIQUE, so several clocks open it once
    told     after LASTS, if it is still there: what a restart brings and takes away wakes nobody
    ended    not seen for QUIET: one that comes and goes is one alarm, not one per minute

What stops every clock is told by nobody here: whoever asks /readyz from outside sees it.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Least
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import mails
from accounts.models import Alarm, User
from seedance_saas.troubles import Trouble

logger = logging.getLogger(__name__)

LASTS = timedelta(minutes=2)
QUIET = timedelta(minutes=10)
LEASE = timedelta(
    minutes=5
)  # of the one that tells: if it dies, or no mail goes out, another tells
AGAIN = timedelta(hours=1)  # at the soonest


def watch() -> None:
    """Ask every room, and tell what is new. Any number of clocks may do this beside each other."""
    at = timezone.now()
    for source in settings.TROUBLES:
        for trouble in _ask(source):
            note(trouble, at=at)
    now_open().filter(seen_at__lt=at - QUIET).update(ended_at=at)
    tell(at)


def now_open() -> QuerySet[Alarm]:
    return Alarm.objects.filter(ended_at=None)


def _ask(source: str) -> list[Trouble]:
    """One that fails hides no other, and is a trouble itself."""
    try:
        found: list[Trouble] = import_string(source)()
    except Exception as error:
        logger.exception("alarms.not_asked source=%s", source)
        why = f"{source} could not look: {type(error).__name__}. The clock's log says more."
        return [Trouble(f"not-asked:{source}", why)]
    return found


def note(trouble: Trouble, *, at: datetime) -> None:
    """It was seen at that moment. What has become less is told again if it gets more."""
    said = {"words": trouble.words, "path": trouble.path, "count": trouble.count, "seen_at": at}
    known = now_open().filter(name=trouble.name)
    if not known.update(**said, told_count=Least("told_count", trouble.count)):
        new = Alarm(name=trouble.name, began_at=at, due_at=at + LASTS, **said)
        Alarm.objects.bulk_create([new], ignore_conflicts=True)


def tell(at: datetime) -> None:
    """One mail about all that is due, of what was seen at that moment. No transaction is open while it is sent.

    Whoever moves `due_at` first tells. A death after the mail and before the note tells twice.
    """
    due = now_open().filter(seen_at__gte=at, due_at__lte=at, count__gte=2 * F("told_count"))
    mine = [
        alarm
        for alarm in due.order_by("began_at", "id")
        if Alarm.objects.filter(pk=alarm.pk, due_at=alarm.due_at).update(due_at=at + LEASE)
    ]
    for alarm in mine:
        logger.error("alarm name=%s count=%s %s", alarm.name, alarm.count, alarm.words)
    if mine and _send(mine):
        for alarm in mine:
            Alarm.objects.filter(pk=alarm.pk).update(
                told_at=at, told_count=alarm.count, due_at=at + AGAIN
            )


def _send(alarms: list[Alarm]) -> bool:
    """Whether anybody got it, or nobody is to. An address that fails keeps it from no other."""
    first, *others = alarms
    context: dict[str, Any] = {
        "subject": first.words[:120] + (f" And {len(others)} more." if others else ""),
        "headline": "Something needs a person",
        "sentence": "It has lasted for more than two minutes, and does not seem to mend itself.",
        "lines": [(alarm, f"{settings.PUBLIC_URL}{alarm.path or reverse('operator')}") for alarm in alarms],
    }  # fmt: skip
    sent = [_sent(address, context) for address in _addresses()]
    return any(sent) or not sent


def _addresses() -> list[str]:
    staff = User.objects.filter(is_staff=True, is_active=True).order_by("id")
    return settings.ALARM_EMAILS or list(staff.values_list("email", flat=True))


def _sent(address: str, context: dict[str, Any]) -> bool:
    """Not through the courier, who lives beside a worker: that may be what is dead."""
    try:
        for message in mails.to_one(address, "alarms", context):
            message.send()
    except Exception:  # whatever the mail server says: the lease brings it again
        logger.exception("alarms.not_told")
        return False
    return True
