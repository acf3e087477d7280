"""Sessions: seen, ended elsewhere, too old, and refused at once when the person or the password is gone."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from tests.accounts.migrations import migration_named
from tests.accounts.signing_in import code_of, give_app, is_signed_in, sign_in
from tests.world import PASSWORD, make_user

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEW = "a quite different sentence"


@pytest.fixture
def olivia(db: None) -> User:
    return make_user("olivia@example.com")


def browser(user: User, address: str = "127.0.0.1", **extra: Any) -> Client:
    client = Client(**extra)
    sign_in(client, user, address=address)
    assert is_signed_in(client)
    return client


def key(client: Client) -> str:
    return client.cookies["sessionid"].value


def test_ones_sessions_are_listed_and_nobody_elses(olivia: User) -> None:
    here = browser(olivia)
    browser(olivia, HTTP_USER_AGENT=FIREFOX)
    browser(make_user(), HTTP_USER_AGENT="curl/8.5.0")

    page = here.get("/accounts/sessions/").content.decode()

    assert page.count("127.0.0.1") == 2
    assert "Firefox on Linux" in page
    assert "curl" not in page
    assert page.count(">this one<") == 1


def test_all_other_sessions_are_ended_at_once(olivia: User) -> None:
    here, elsewhere, somebody = browser(olivia), browser(olivia), browser(make_user())

    here.post("/accounts/sessions/")

    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert is_signed_in(somebody)


def test_one_session_is_ended_and_a_strangers_is_not(olivia: User) -> None:
    here, elsewhere, third = browser(olivia), browser(olivia), browser(olivia)
    rival = make_user()
    stranger = browser(rival)
    request = stranger.get("/accounts/sessions/").wsgi_request
    theirs = sessions.living(request, rival)[0].id
    request = here.get("/accounts/sessions/").wsgi_request
    ones = {one.id: one for one in sessions.living(request, olivia) if not one.is_this}

    here.post("/accounts/sessions/", {"session": theirs})
    here.post("/accounts/sessions/", {"session": min(ones)})

    assert [is_signed_in(client) for client in (here, elsewhere, third, stranger)] == [
        True,
        False,
        True,
        True,
    ]


def test_what_is_no_session_ends_none(olivia: User) -> None:
    here, elsewhere = browser(olivia), browser(olivia)
    assert here.post("/accounts/sessions/", {"session": "x"}).status_code == 404
    assert is_signed_in(elsewhere)


def test_the_list_takes_as_many_queries_for_many_sessions_as_for_one(olivia: User) -> None:
    here = browser(olivia)
    counted = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            here.get("/accounts/sessions/")
        counted.append(len(queries))
        for number in range(4):
            browser(olivia, f"192.0.2.{number}")

    assert counted[0] == counted[1] <= 12


def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(olivia: User) -> None:
    here, elsewhere = browser(olivia), browser(olivia)
    before = key(here)

    here.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
    )

    assert is_signed_in(here)
    assert key(here) != before
    assert not is_signed_in(elsewhere)
    assert Session.objects.count() == 1


def test_a_wrong_old_password_changes_nothing(olivia: User) -> None:
    here, elsewhere = browser(olivia), browser(olivia)

    answer = here.post(
        "/accounts/password/change/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    )

    assert "This is not the password of today." in answer.content.decode()
    assert is_signed_in(elsewhere)
    assert User.objects.get().check_password(PASSWORD)


def test_a_password_that_was_set_elsewhere_ends_every_session(olivia: User) -> None:
    client = browser(olivia)
    olivia.set_password(NEW)
    olivia.save()
    assert not is_signed_in(client)


def test_a_person_who_was_deactivated_is_refused_at_once(olivia: User) -> None:
    client = browser(olivia)
    olivia.is_active = False
    olivia.save()

    assert not is_signed_in(client)
    answer = sign_in(Client(), olivia)
    assert answer.headers["Location"] == "/accounts/inactive/"


def test_a_session_gets_a_new_key_when_somebody_signs_in(olivia: User) -> None:
    client = Client()
    client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
    planted = key(client)
    sign_in(client, olivia)

    assert key(client) != planted
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert not is_signed_in(thief)


def test_a_session_gets_a_new_key_when_a_second_factor_is_added(
    transactional_db: None, olivia: User
) -> None:
    client = browser(olivia)
    before = key(client)
    secret = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})

    assert key(client) != before
    assert is_signed_in(client)
    thief = Client()
    thief.cookies["sessionid"] = before
    assert not is_signed_in(thief)
    assert ">this one<" in client.get("/accounts/sessions/").content.decode()


def test_a_session_that_is_used_every_day_ends_after_thirty(olivia: User) -> None:
    client = browser(olivia)
    start = timezone.now()
    for day in range(1, 30, 7):
        with time_machine.travel(start + timedelta(days=day), tick=True):
            assert is_signed_in(client)
    with time_machine.travel(start + timedelta(days=31), tick=True):
        assert not is_signed_in(client)


def test_a_session_that_nobody_uses_ends_after_fourteen_days(olivia: User) -> None:
    client = browser(olivia)
    with time_machine.travel(timezone.now() + timedelta(days=15), tick=True):
        client.cookies["sessionid"]["expires"] = ""  # the browser would have forgotten it, too
        assert not is_signed_in(client)


def test_a_session_is_noted_as_used_every_few_minutes_and_not_every_time(olivia: User) -> None:
    client = browser(olivia)
    start = timezone.now()

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get("/account")
        return sum(1 for query in queries if query["sql"].startswith("UPDATE"))

    assert writes() == 0
    with time_machine.travel(start + timedelta(minutes=6), tick=True):
        assert [writes(), writes()] == [1, 0]


def test_what_the_tables_say_of_a_session_opens_nothing(olivia: User) -> None:
    """Whoever reads a copy of the database has no cookie that works."""
    client = browser(olivia)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/accounts/password/change/", form)
    rows = [
        *Session.objects.values_list("session_key"),
        *UserSession.objects.values_list("session_key"),
    ]

    assert is_signed_in(client)
    assert len(rows) == 2
    for (kept,) in rows:
        assert kept != key(client)
        thief = Client()
        thief.cookies["sessionid"] = kept
        assert not is_signed_in(thief)


def test_sessions_of_before_stay_open(olivia: User) -> None:
    """What the migration does to keys that lay readable."""
    client = browser(olivia)
    Session.objects.update(session_key=key(client))
    UserSession.objects.update(session_key=key(client))
    migration = migration_named("hashed_session_keys")

    with connection.cursor() as cursor:
        for operation in migration.Migration.operations:
            cursor.execute(operation.sql)

    assert is_signed_in(client)
    assert b">this one<" in client.get("/accounts/sessions/").content


def test_sessions_that_are_over_are_swept_away(olivia: User) -> None:
    browser(olivia)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    sessions.forget()

    assert not Session.objects.exists()
    assert not UserSession.objects.exists()


def test_a_second_factor_keeps_its_session_out_of_the_password_stage(olivia: User) -> None:
    """Half way in is not in: the page of one's sessions does not open."""
    give_app(olivia)
    client = Client()
    sign_in(client, olivia)
    assert client.get("/accounts/sessions/").status_code == 302


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("", "A browser"),
    ],
)  # fmt: skip
def test_a_browser_is_named_in_words(header: str, words: str) -> None:
    assert sessions.software(header) == words
