"""A new person confirms the address by a code, and nobody learns from us who has an account."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from accounts.models import OwedMail, User
from tests.accounts.signing_in import code_in, is_signed_in, sign_in
from tests.world import PASSWORD, make_user

RunQueue = Callable[[], int]


def sign_up(client: Client, email: str) -> Any:
    return client.post("/accounts/signup/", {"email": email, "password1": PASSWORD})


def test_a_new_person_is_let_in_by_the_code_from_the_mail(
    db: None, run_queue: RunQueue, mailoutbox: list[EmailMessage]
) -> None:
    client = Client()
    sign_up(client, "New@Example.com")
    assert mailoutbox == []  # the request sends none
    run_queue()

    assert [mail.to for mail in mailoutbox] == [["new@example.com"]]
    assert not is_signed_in(client)
    answer = client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[0])})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_signed_in(client)
    assert EmailAddress.objects.get().verified


def test_a_wrong_code_lets_nobody_in_and_the_third_ends_it(
    db: None, run_queue: RunQueue, mailoutbox: list[EmailMessage]
) -> None:
    client = Client()
    sign_up(client, "new@example.com")
    run_queue()
    code = code_in(mailoutbox[0])
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    for _ in range(3):
        client.post("/accounts/confirm-email/", {"code": wrong})
    client.post("/accounts/confirm-email/", {"code": code})

    assert not is_signed_in(client)
    assert not EmailAddress.objects.get().verified


def test_a_person_whose_address_is_not_confirmed_is_sent_another_code_at_sign_in(
    db: None, run_queue: RunQueue, mailoutbox: list[EmailMessage]
) -> None:
    User.objects.create_user("old@example.com", PASSWORD)
    client = Client()

    answer = sign_in(client, "old@example.com")
    run_queue()

    assert answer.headers["Location"] == "/accounts/confirm-email/"
    client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[0])})
    assert is_signed_in(client)


def test_who_has_an_account_is_told_by_mail_alone(
    db: None, run_queue: RunQueue, mailoutbox: list[EmailMessage]
) -> None:
    make_user("known@example.com")

    known, unknown = Client(), Client()
    first, second = sign_up(known, "known@example.com"), sign_up(unknown, "unknown@example.com")
    pages = [client.get("/accounts/confirm-email/") for client in (known, unknown)]
    run_queue()

    assert (first.status_code, first.headers["Location"]) == (
        second.status_code,
        second.headers["Location"],
    )
    assert set(first.cookies) == set(second.cookies)
    texts = [
        page.content.decode().replace(email, "").replace(page.context["csrf_token"].__str__(), "")
        for page, email in zip(pages, ("known@example.com", "unknown@example.com"), strict=True)
    ]
    assert texts[0] == texts[1]
    code, already = mailoutbox  # a code is sent first
    assert [(mail.to, mail.subject) for mail in (code, already)] == [
        (["unknown@example.com"], f"{code_in(code)} is your code · Seedance SaaS"),
        (["known@example.com"], "You have an account already · Seedance SaaS"),
    ]
    assert User.objects.count() == 2


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password that was hashed. Under the real settings each takes a twentieth of a second."""
    seen: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        seen.append(password)
        return str(encode(self, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    return seen


def work(hashes: list[str], do: Callable[[], object]) -> tuple[int, int, list[str]]:
    """(passwords hashed, queries, kinds of tasks queued and of mails owed)"""
    before, queued = len(hashes), set(OrmQ.objects.values_list("pk", flat=True))
    OwedMail.objects.all().delete()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        do()
    new = OrmQ.objects.exclude(pk__in=queued).order_by("pk")
    kinds = [row.func() for row in new] + [mail.compose for mail in OwedMail.objects.order_by("pk")]
    return len(hashes) - before, len(queries), kinds


def test_a_wrong_password_is_the_same_work_for_any_address(db: None, hashes: list[str]) -> None:
    make_user("known@example.com")

    known = work(hashes, lambda: sign_in(Client(), "known@example.com", "wrong"))
    unknown = work(hashes, lambda: sign_in(Client(), "unknown@example.com", "wrong"))

    assert known == unknown
    assert (known[0], known[2]) == (1, ["accounts.tasks.note_failed_sign_in"])


def test_a_forgotten_password_is_the_same_work_for_any_address(db: None, hashes: list[str]) -> None:
    make_user("known@example.com")

    known = work(
        hashes, lambda: Client().post("/accounts/password/reset/", {"email": "known@example.com"})
    )
    unknown = work(
        hashes, lambda: Client().post("/accounts/password/reset/", {"email": "new@example.com"})
    )

    assert known == unknown
    assert (known[0], known[2]) == (0, ["accounts.people.reset_mail"])


def test_a_sign_up_is_as_much_work_for_any_address(db: None, hashes: list[str]) -> None:
    """The new one writes its two rows for good; the other writes two as well, and throws them away."""
    make_user("known@example.com")

    known = work(hashes, lambda: sign_up(Client(), "known@example.com"))
    unknown = work(hashes, lambda: sign_up(Client(), "unknown@example.com"))

    assert (
        (known[0], known[2]) == (unknown[0], unknown[2]) == (1, ["accounts.account_mails.compose"])
    )
    assert abs(known[1] - unknown[1]) <= 1  # of 28 queries
    assert User.objects.count() == 2
