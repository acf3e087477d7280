"""Every mail that allauth wants sent has words of ours, as text and as HTML, and no secret waits to be sent."""

import json
from collections.abc import Callable
from pathlib import Path

import allauth
import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django_q.models import OrmQ

from accounts import account_mails
from accounts.models import OwedMail
from tests.accounts.signing_in import sign_in
from tests.world import make_user

# Of ways in that we do not offer, and what the others are built from.
NOT_OURS = {"login_code", "password_reset_code", "base", "email_confirm"}
THEIRS = sorted(
    {
        file.name.removesuffix("_message.txt")
        for file in Path(allauth.__file__).parent.glob("templates/*/email/*_message.txt")
    }
    - NOT_OURS
)
FIELDS = {
    "code": "123456",
    "from_email": "old@example.com",
    "to_email": "new@example.com",
    "deleted_email": "gone@example.com",
    "provider": "GitHub",
    "ip": "192.0.2.1",
}


def test_allauth_knows_some_mails_at_all() -> None:
    assert len(THEIRS) > 12
    assert set(account_mails.MAILS) == {*THEIRS, "second_factors_removed"}  # which is ours alone


@pytest.mark.parametrize("name", THEIRS)
def test_each_mail_has_words_in_text_and_html(name: str) -> None:
    code = {} if "confirmation" in name else {"code": ""}
    [mail] = account_mails.of(name, "olivia@example.com", FIELDS | code)

    html = str(mail.alternatives[0][0])
    assert mail.to == ["olivia@example.com"]
    assert mail.subject.endswith(" · Seedance SaaS")
    for body in (str(mail.body), html):
        assert "{" not in body.replace("{ ", "").split("</style>")[-1]
        assert "olivia@example.com" in body
        assert ("123456" in body) == ("confirmation" in name)
    assert "<h1>" in html


def test_what_a_stranger_typed_is_no_html_in_the_mail() -> None:
    [mail] = account_mails.of("account_connected", "a@example.com", {"provider": "<b>x</b>"})
    assert "<b>x" not in str(mail.alternatives[0][0])


def test_no_link_to_set_a_password_waits_to_be_sent(
    db: None, run_queue: Callable[[], int], mailoutbox: list[EmailMessage]
) -> None:
    user = make_user("olivia@example.com")
    Client().post("/accounts/password/reset/", {"email": user.email})

    assert OwedMail.objects.get().arguments == [user.email]
    assert not OrmQ.objects.exists()
    run_queue()
    assert f"/accounts/password/reset/key/{user.pk}-" in str(mailoutbox[0].body)


def test_the_person_hears_of_a_changed_password_and_from_where(
    db: None, run_queue: Callable[[], int], mailoutbox: list[EmailMessage]
) -> None:
    user = make_user("olivia@example.com")
    client = Client()
    sign_in(client, user)
    new = "a quite different sentence"
    form = {"oldpassword": "correct horse battery staple", "password1": new, "password2": new}
    client.post("/accounts/password/change/", form, REMOTE_ADDR="192.0.2.44")
    assert mailoutbox == []
    run_queue()

    assert [mail.subject for mail in mailoutbox] == ["Your password was changed · Seedance SaaS"]
    assert "192.0.2.44" in str(mailoutbox[0].body)
    assert new not in json.dumps(str(mailoutbox[0].body))
