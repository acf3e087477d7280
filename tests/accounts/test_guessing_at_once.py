"""Whoever guesses at the very same moment is counted as often as whoever guesses in turn."""

from functools import partial

import pytest
from django.test import Client

from accounts.models import OwedMail, User
from tests.accounts.signing_in import give_app, sign_in
from tests.race import race
from tests.world import make_user

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 16


def statuses(jobs: list[object]) -> list[int]:
    return [job.status_code for job in jobs]  # type: ignore[attr-defined]


def test_ten_of_many_passwords_at_once_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_user("olivia@example.com")
    looked: list[str] = []

    def look(self: User, password: str) -> bool:
        looked.append(password)
        return False

    monkeypatch.setattr(User, "check_password", look)

    answers = race(
        [
            partial(sign_in, Client(), person, f"wrong {n}", address=f"192.0.2.{n + 1}")
            for n in range(AT_ONCE)
        ]
    )

    assert len(looked) <= 10
    assert statuses(answers).count(429) == AT_ONCE - len(looked)
    assert (
        len(looked) >= 8
    )  # and not so strict that a person is held up: who meets others waits a moment


def test_five_of_many_codes_at_once_are_looked_at() -> None:
    person = make_user("olivia@example.com")
    give_app(person)
    clients = [Client() for _ in range(AT_ONCE)]
    for client in clients:
        sign_in(client, person)

    answers = race(
        [
            partial(client.post, "/accounts/2fa/authenticate/", {"code": "000000"})
            for client in clients
        ]
    )

    wrong = [answer for answer in answers if b"This code is wrong" in answer.content]  # type: ignore[union-attr]
    assert 1 <= len(wrong) <= 5


def test_three_of_many_mails_at_once_are_sent() -> None:
    make_user("olivia@example.com")
    form = {"email": "olivia@example.com"}

    race([partial(Client().post, "/accounts/password/reset/", form) for _ in range(AT_ONCE)])

    assert 1 <= OwedMail.objects.count() <= 3
