"""Signed-in browsers: how long they stay so, which ones there are, and how they are ended.

settings.SESSION_ENGINE names this module: Django asks it for `SessionStore`. The cookie holds the key of a session,
and the database its hash alone, in every table: a copy of the database signs nobody in.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User
from seedance_saas.requests import client_address

SIGNED_IN_AT, SEEN_AT = "signed_in_at", "seen_at"
NOTED_EVERY_SECONDS = 300  # more often would be a write in every request
SHOWN_MAX = 100
SOFTWARE_LENGTH_MAX = UserSession._meta.get_field("user_agent").max_length


class SessionStore(db.SessionStore):
    """Django's, in the database, which forgets a session that was unused or used for too long."""

    def load(self) -> dict[str, Any]:
        data: dict[str, Any] = super().load()
        now = int(time.time())
        if SIGNED_IN_AT not in data:
            return data
        if now - data[SIGNED_IN_AT] > settings.SESSION_SECONDS_MAX:
            self.delete(self.session_key)
            self._session_key = None
            return {}
        if now - data.get(SEEN_AT, 0) > NOTED_EVERY_SECONDS:
            # Saved at the end of the request, which also moves the end of the session.
            data[SEEN_AT] = now
            self.modified = True
        return data

    def exists(self, session_key: str) -> bool:
        return bool(Session.objects.filter(session_key=_hash(session_key)).exists())

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        made = super().create_model_instance(data)
        made.session_key = _hash(made.session_key)
        return made

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(_hash(key))

    def _get_session_from_db(self) -> Session | None:
        found = None
        if self.session_key:
            living = Session.objects.filter(expire_date__gt=timezone.now())
            found = living.filter(session_key=_hash(self.session_key)).first()
        if found is None:
            self._session_key = None
        return found


def begin(request: HttpRequest) -> None:
    """Somebody has just signed in: from now on it has an age."""
    request.session[SIGNED_IN_AT] = request.session[SEEN_AT] = int(time.time())


def note(request: HttpRequest, user: User) -> None:
    """Where the person is signed in, for their list. A repeat changes what has changed."""
    if not request.session.session_key:
        request.session.save()
    UserSession.objects.update_or_create(
        session_key=_key_of(request),
        defaults={
            "user": user,
            "ip": client_address(request) or "0.0.0.0",  # noqa: S104 (a peer without a name)
            "user_agent": request.headers.get("User-Agent", "")[:SOFTWARE_LENGTH_MAX],
        },
    )


def rotate(request: HttpRequest) -> None:
    """A new key for the same session, after what it may do has grown: whoever knew the old one is out."""
    before = _key_of(request)
    request.session.cycle_key()
    UserSession.objects.filter(session_key=before).update(session_key=_key_of(request))


@dataclass(frozen=True)
class Browser:
    """A session as its owner sees it."""

    id: int
    address: str
    software: str
    signed_in_at: datetime
    seen_at: datetime
    is_this: bool


def living(request: HttpRequest, user: User) -> list[Browser]:
    """Where the person is signed in now, this browser first; three queries, however many there are."""
    rows = UserSession.objects.filter(user=user).order_by("-id")[:SHOWN_MAX]
    notes = {row.session_key: row for row in rows}
    stored = Session.objects.filter(session_key__in=notes, expire_date__gt=timezone.now())
    found = {s.session_key: s.get_decoded() for s in stored if _is_of(s.get_decoded(), user)}
    UserSession.objects.filter(id__in=[notes[key].id for key in notes.keys() - found]).delete()
    browsers = [
        Browser(
            id=notes[key].id,
            address=notes[key].ip,
            software=software(notes[key].user_agent),
            signed_in_at=notes[key].created_at,
            seen_at=datetime.fromtimestamp(data.get(SEEN_AT, 0), UTC),
            is_this=key == _key_of(request),
        )
        for key, data in found.items()
    ]
    return sorted(browsers, key=lambda one: (not one.is_this, -one.seen_at.timestamp()))


@transaction.atomic
def end(request: HttpRequest, user: User, *, only: int | None = None) -> int:
    """Sign the person out everywhere but here, or in the one browser `only`; how many sessions ended.

    They are refused from their next request on. A repeat ends nothing.
    """
    rows = UserSession.objects.filter(user=user).exclude(session_key=_key_of(request))
    return _end(rows if only is None else rows.filter(id=only))


@transaction.atomic
def end_all(user: User) -> int:
    """Sign the person out everywhere; how many sessions ended. A repeat ends nothing."""
    return _end(UserSession.objects.filter(user=user))


def forget() -> None:
    """Delete sessions that are over, and the notes on sessions that are gone."""
    Session.objects.filter(expire_date__lte=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


def software(user_agent: str) -> str:
    """Browser and system in two words: "Firefox on Linux". The header is the browser's own word, no proof."""
    browsers = {
        "Edg/": "Edge",
        "OPR/": "Opera",
        "Firefox/": "Firefox",
        "Chrome/": "Chrome",
        "Safari/": "Safari",
        "curl/": "curl",
    }
    systems = {
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Android": "Android",
        "Windows": "Windows",
        "Mac OS X": "macOS",
        "Linux": "Linux",
    }
    browser = next((name for sign, name in browsers.items() if sign in user_agent), "A browser")
    system = next((name for sign, name in systems.items() if sign in user_agent), "")
    return f"{browser} on {system}" if system else browser


def _key_of(request: HttpRequest) -> str:
    """Under which the request's session stands in the tables; of one that is not saved, nothing."""
    return _hash(request.session.session_key) if request.session.session_key else ""


def _hash(key: str) -> str:
    """The key has 165 random bits, so a plain hash is as good as a slow one. As long as the columns are."""
    return sha256(key.encode()).hexdigest()[:40]


def _end(rows: QuerySet[UserSession]) -> int:
    keys = list(rows.values_list("session_key", flat=True))
    ended, _ = Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return ended


def _is_of(data: dict[str, Any], user: User) -> bool:
    """Whether the session would still open: made by this person, with the password of today."""
    return (
        data.get(SESSION_KEY) == user.pk
        and BACKEND_SESSION_KEY in data
        and constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
        and int(time.time()) - data.get(SIGNED_IN_AT, 0) <= settings.SESSION_SECONDS_MAX
    )
