"""Passwords and codes can be guessed a few times, and nobody can keep anybody else out by doing so."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.accounts.signing_in import code_of, give_app, is_signed_in, sign_in
from tests.world import PASSWORD, make_user


@pytest.fixture
def olivia(db: None) -> User:
    return make_user("olivia@example.com")


def guess(user: User, times: int) -> None:
    """Wrong passwords, each from another address."""
    for number in range(times):
        sign_in(Client(), user, f"wrong {number}", address=f"192.0.2.{number + 1}")


def test_the_eleventh_guess_at_an_account_is_refused_even_if_it_is_right(olivia: User) -> None:
    guess(olivia, 10)
    client = Client()

    answer = sign_in(client, olivia, address="198.51.100.1")

    assert answer.status_code == 429
    assert 540 < int(answer.headers["Retry-After"]) <= 600
    assert "in 10 minutes" in " ".join(answer.content.decode().split())
    assert not is_signed_in(client)


def test_nobody_else_is_held_up(olivia: User) -> None:
    guess(olivia, 10)
    client = Client()
    sign_in(client, make_user())
    assert is_signed_in(client)


def test_a_browser_that_was_signed_in_before_gets_in_while_strangers_guess(olivia: User) -> None:
    client = Client()
    sign_in(client, olivia)
    client.post("/accounts/logout/")
    guess(olivia, 10)

    sign_in(client, olivia)

    assert is_signed_in(client)


def test_a_known_browser_may_not_guess_for_ever_either(olivia: User) -> None:
    client = Client()
    sign_in(client, olivia)
    client.post("/accounts/logout/")
    for number in range(10):
        assert sign_in(client, olivia, f"wrong {number}").status_code == 200

    assert sign_in(client, olivia).status_code == 429


def test_a_browser_known_to_one_account_is_a_stranger_to_another(olivia: User) -> None:
    client = Client()
    sign_in(client, make_user())
    client.post("/accounts/logout/")
    guess(olivia, 10)

    assert sign_in(client, olivia).status_code == 429


def test_a_forged_cookie_makes_nobody_known(olivia: User) -> None:
    client = Client()
    sign_in(client, olivia)
    client.post("/accounts/logout/")
    cookie = client.cookies["browser"].value
    guess(olivia, 10)

    forger = Client()
    forger.cookies["browser"] = f"{cookie[:-1]}{'A' if cookie[-1] != 'A' else 'B'}"

    assert sign_in(forger, olivia).status_code == 429


def test_a_new_password_through_the_mail_lets_in_while_strangers_guess(
    olivia: User, mailoutbox: list[EmailMessage], run_queue: Callable[[], int]
) -> None:
    guess(olivia, 10)
    client = Client()
    client.post("/accounts/password/reset/", {"email": olivia.email})
    run_queue()
    found = re.search(r"https?://[^/]+(/accounts/password\S+)", str(mailoutbox[0].body))
    assert found
    form = client.get(found[1], follow=True).redirect_chain[-1][0]
    new = "a quite different sentence"
    client.post(form, {"password1": new, "password2": new})
    guess(olivia, 10)

    sign_in(client, olivia, new)

    assert is_signed_in(client)


def test_who_is_right_has_used_up_nothing(olivia: User) -> None:
    for _ in range(12):
        client = Client()
        sign_in(client, olivia)
        assert is_signed_in(client)


def test_one_address_may_not_try_one_password_on_all_accounts(db: None) -> None:
    people = [make_user() for _ in range(31)]

    answers = [sign_in(Client(), person, "wrong").status_code for person in people]

    assert answers == [200] * 30 + [429]


def test_addresses_of_one_neighbourhood_of_ipv6_count_as_one(db: None) -> None:
    people = [make_user() for _ in range(31)]

    answers = [
        sign_in(Client(), person, "wrong", address=f"2001:db8::{number:x}").status_code
        for number, person in enumerate(people, start=1)
    ]

    assert answers == [200] * 30 + [429]


def test_what_was_guessed_is_forgotten_after_ten_minutes(olivia: User) -> None:
    guess(olivia, 10)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        client = Client()
        sign_in(client, olivia)
        assert is_signed_in(client)


def test_a_second_factor_may_be_guessed_five_times(olivia: User) -> None:
    secret = give_app(olivia)
    client = Client()
    sign_in(client, olivia)
    for _ in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})

    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})

    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("path", "form", "times"),
    [
        ("/accounts/password/reset/", {"email": "olivia@example.com"}, 3),
        ("/accounts/signup/", {"email": "no address", "password1": PASSWORD}, 20),
        ("/accounts/2fa/webauthn/login/", {"credential": "{}"}, 10),
    ],
    ids=["reset", "sign-up", "passkey"],
)
def test_every_door_has_a_limit_and_says_when_it_opens_again(
    db: None, path: str, form: dict[str, str], times: int
) -> None:
    for _ in range(times):
        assert Client().post(path, form).status_code != 429

    answer = Client().post(path, form)

    assert answer.status_code == 429
    assert 1 < int(answer.headers["Retry-After"]) <= 600


def test_another_code_is_sent_ten_seconds_after_the_last(
    db: None, mailoutbox: list[EmailMessage], run_queue: Callable[[], int]
) -> None:
    client = Client()
    client.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD})
    again = client.post("/accounts/confirm-email/", {"action": "resend"})
    run_queue()

    assert again.status_code == 429
    assert 1 <= int(again.headers["Retry-After"]) <= 10
    assert len(mailoutbox) == 1
