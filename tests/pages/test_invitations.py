"""People are invited by a form or by lines, and the link of the mail leads in, or to a page that says what to do."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from accounts import invitations
from accounts.models import Invitation, Membership, Organization, OwedMail, Role, User
from tests.accounts.team import invite, secret_in_mail
from tests.pages.conftest import text
from tests.world import PASSWORD, make_user

Browser = Callable[..., Client]
RunQueue = Callable[[], int]


@pytest.fixture
def link(acme: Organization, run_queue: RunQueue) -> str:
    invite(acme)
    run_queue()
    return f"/invitations/{secret_in_mail()}"


def test_one_person_is_invited_and_stands_in_the_list(
    acme: Organization, browser: Browser, run_queue: RunQueue
) -> None:
    client = browser(acme)
    form = {"do": "one", "email": "Bo@Example.com", "role": "developer"}

    page = text(client.post("/members/invite", form, follow=True))

    assert "Invited: bo@example.com. Each link works for a week." in page
    assert "Withdraw the invitation to bo@example.com" in page
    run_queue()
    (message,) = mail.outbox
    assert message.to == ["bo@example.com"]
    assert isinstance(message, EmailMultiAlternatives)
    assert f'href="http://127.0.0.1:8000/invitations/{secret_in_mail()}"' in str(
        message.alternatives[0][0]
    )


@pytest.mark.parametrize(
    ("email", "role", "said"),
    [
        ("nobody", "viewer", "Enter a valid email address."),
        ("", "viewer", "This field is required."),
        ("bo@example.com", "king", "king is not one of the available choices"),
        ("bo@example.com", "owner", "does not give the role owner"),
    ],
)
def test_what_was_typed_stays_beside_its_error(
    acme: Organization, browser: Browser, email: str, role: str, said: str
) -> None:
    form = {"do": "one", "email": email, "role": role}
    answer = browser(acme, Role.ADMIN).post("/members/invite", form)

    assert answer.status_code == 400
    assert said in text(answer)
    assert f'value="{email}"' in text(answer)
    assert not Invitation.objects.exists()
    assert not OwedMail.objects.exists()


def test_a_file_of_lines_invites_all_of_them(
    acme: Organization, browser: Browser, run_queue: RunQueue
) -> None:
    file = SimpleUploadedFile(
        "team.csv", b"email,role\nbo@example.com,viewer\ncy@example.com,admin\n"
    )
    page = text(browser(acme).post("/members/invite", {"do": "lines", "file": file}, follow=True))
    assert "Invited: 2 people." in page
    run_queue()
    assert sorted(message.to[0] for message in mail.outbox) == ["bo@example.com", "cy@example.com"]


def test_one_bad_line_sends_nothing_and_each_is_named(acme: Organization, browser: Browser) -> None:
    lines = "email,role\nbo@example.com,viewer\nnobody,viewer\ncy@example.com,king"
    answer = browser(acme).post("/members/invite", {"do": "lines", "lines": lines})

    page = text(answer)
    assert answer.status_code == 400
    assert "Nobody was invited: mend these lines first." in page
    assert "<b>Line 3</b> “nobody” is no e-mail address." in page
    assert "<b>Line 4</b> “king” is no role" in page
    assert "bo@example.com,viewer" in page
    assert not Invitation.objects.exists()
    assert not OwedMail.objects.exists()


@pytest.mark.parametrize("file", [b"\xff\xfe\x00", b"x" * 70_000, b""])
def test_a_file_that_is_no_list_is_refused(
    acme: Organization, browser: Browser, file: bytes
) -> None:
    sent = {"do": "lines", "file": SimpleUploadedFile("team.csv", file)}
    assert browser(acme).post("/members/invite", sent).status_code == 400
    assert not Invitation.objects.exists()


def test_it_is_sent_again_and_withdrawn_from_the_list(
    acme: Organization, browser: Browser, run_queue: RunQueue, link: str
) -> None:
    client, id = browser(acme), Invitation.objects.get().id

    said = text(client.post(f"/members/invitations/{id}/again", follow=True))
    assert "A new link is on its way to bo@example.com." in said
    run_queue()
    assert Client().get(link).status_code == 404
    new = f"/invitations/{secret_in_mail()}"
    assert Client().get(new).status_code == 200
    said = text(client.post(f"/members/invitations/{id}/revoke", follow=True))
    assert "The link opens nothing now for bo@example.com." in said
    assert Client().get(new).status_code == 409


def test_a_stranger_signs_up_with_the_link_and_need_not_prove_the_address_again(
    acme: Organization, link: str
) -> None:
    client = Client()
    page = text(client.get(link))
    assert "Join Acme" in page
    assert f'href="/accounts/signup/?next={link.replace("/", "%2F")}"' in page
    assert 'value="bo@example.com"' in text(client.get(f"/accounts/signup/?next={link}"))

    form = {"email": "bo@example.com", "password1": PASSWORD, "next": link}
    answer = client.post("/accounts/signup/", form)
    assert answer.url == link  # type: ignore[attr-defined]
    assert EmailAddress.objects.get(email="bo@example.com").verified
    assert not any("confirm" in message.subject.lower() for message in mail.outbox)
    page = text(client.post(link, follow=True))

    assert "You are in Acme now, as developer." in page
    assert acme.memberships.get(user__email="bo@example.com").role == Role.DEVELOPER


def test_the_link_proves_its_own_address_and_no_other(acme: Organization, link: str) -> None:
    client = Client()
    client.get(link)
    client.post("/accounts/signup/", {"email": "eve@example.com", "password1": PASSWORD})

    eve = User.objects.get(email="eve@example.com")
    assert not EmailAddress.objects.filter(email="bo@example.com").exists()
    assert not EmailAddress.objects.filter(user=eve, verified=True).exists()
    assert not Membership.objects.filter(user=eve).exists()


def test_somebody_with_an_account_signs_in_and_accepts(
    acme: Organization, link: str, page_for: Callable[[User], Client]
) -> None:
    client = page_for(make_user("bo@example.com"))
    assert "Accept the invitation" in text(client.get(link))
    assert acme.memberships.count() == 1

    assert "You are in Acme now" in text(client.post(link, follow=True))
    assert "<span>Acme</span>" in text(client.get(link, follow=True))  # the link leads in again


def test_another_address_is_told_so_and_nothing_of_the_organization(
    acme: Organization, link: str, page_for: Callable[[User], Client]
) -> None:
    client = page_for(make_user("eve@example.com"))
    for answer in (client.get(link), client.post(link)):
        page = text(answer)
        assert answer.status_code == 403
        assert "This invitation is for another address" in page
        assert "eve@example.com" in page
        assert "Acme" not in page
        assert "bo@example.com" not in page

    signed_out = client.post("/accounts/logout/", {"next": link})
    assert signed_out.url == link  # type: ignore[attr-defined]
    assert "Join Acme" in text(client.get(link))
    assert acme.memberships.count() == 1


@pytest.mark.parametrize(
    ("over", "status", "said"),
    [
        ({"expires_at": timedelta()}, 409, "This invitation has expired"),
        ({"revoked_at": timedelta()}, 409, "This invitation was withdrawn"),
        ({"accepted_at": timedelta()}, 409, "This invitation was used"),
    ],
)
def test_one_that_is_over_says_what_to_do_and_nothing_of_the_organization(
    acme: Organization,
    link: str,
    page_for: Callable[[User], Client],
    over: dict[str, timedelta],
    status: int,
    said: str,
) -> None:
    Invitation.objects.update(**{name: timezone.now() + by for name, by in over.items()})
    for client in (Client(), page_for(make_user("bo@example.com"))):
        for answer in (client.get(link), client.post(link)):
            assert answer.status_code == status
            page = text(answer)
            assert said in page
            assert "Acme" not in page
            assert "account_verified_email" not in client.session
    assert acme.memberships.count() == 1


@pytest.mark.parametrize("secret", ["0" * 64, "short", "%00", "é"])
def test_a_link_that_nobody_sent_opens_nothing(acme: Organization, link: str, secret: str) -> None:
    answer = Client().get(f"/invitations/{secret}")
    assert answer.status_code in (400, 404)
    assert "Acme" not in text(answer)


def test_the_links_page_is_kept_by_nobody_and_told_to_nobody(link: str) -> None:
    answer = Client().get(link)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_an_expired_one_stays_in_the_list_until_it_is_sent_again(
    acme: Organization, browser: Browser, link: str
) -> None:
    Invitation.objects.update(expires_at=timezone.now())
    client = browser(acme)
    assert "has expired" in text(client.get("/members"))
    invitations.send_again(Invitation.objects.get(), by=owner_of(acme))
    assert "has expired" not in text(client.get("/members"))


def owner_of(acme: Organization) -> Membership:
    return acme.memberships.select_related("user").filter(role=Role.OWNER).order_by("id")[0]
