"""Of what is told to others: events that go to nobody, and mails that do not go out."""

from datetime import timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event, OwedMail
from seedance_saas.troubles import Trouble

# Beside every worker runs a courier: what waits so long says that none does, or that its way is barred.
SENT_ON_WITHIN = timedelta(minutes=1)
MAILED_WITHIN = timedelta(minutes=15)


def unsent_events() -> QuerySet[Event]:
    return Event.objects.filter(fanned_out_at=None, created_at__lt=timezone.now() - SENT_ON_WITHIN)


def owed_mails() -> QuerySet[OwedMail]:
    return OwedMail.objects.filter(owed_at__lt=timezone.now() - MAILED_WITHIN)


def found() -> list[Trouble]:
    troubles = []
    if count := unsent_events().count():
        words = f"Events that are sent to nobody for over a minute: {count:,}."
        path = reverse("admin:accounts_event_changelist")
        troubles.append(Trouble("events", words, path=path, count=count))
    if count := owed_mails().count():
        words = f"Mails that do not go out for over a quarter of an hour: {count:,}."
        path = reverse("admin:accounts_owedmail_changelist")
        troubles.append(Trouble("mails", words, path=path, count=count))
    return troubles
