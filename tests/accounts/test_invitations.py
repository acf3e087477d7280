"""An invitation is for one address, for a week, and for once; its secret is in the mail alone."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from allauth.account.models import EmailAddress
from django.core import mail, serializers
from django.utils import timezone

from accounts import invitations, organizations
from accounts.invitation_checks import (
    MAILS_PER_HOUR_MAX,
    MAILS_TO_ONE_PER_HOUR_MAX,
    NotInvited,
    TooManyMails,
    Wanted,
)
from accounts.models import AuditEntry, Invitation, Membership, Organization, OwedMail, Role, User
from seedance_saas.errors import Forbidden, InvalidRequest, NotFound, Refusal
from tests.accounts.team import invite, member, owner, secret_in_mail
from tests.race import race
from tests.world import make_user

RunQueue = Callable[[], int]


def nothing_happened() -> bool:
    return not (
        Invitation.objects.exists()
        or OwedMail.objects.exists()
        or AuditEntry.objects.filter(action__startswith="invitation.").exists()
    )


def accept(secret: str, email: str = "bo@example.com") -> Membership:
    user = User.objects.filter(email=email).first() or make_user(email)
    return invitations.accept(secret, user)


def test_whoever_has_the_mail_gets_in_with_the_role_that_was_offered(
    acme: Organization, run_queue: RunQueue
) -> None:
    invitation = invite(acme, "Bo@Example.com", Role.DEVELOPER)
    run_queue()
    (message,) = mail.outbox
    assert message.to == ["bo@example.com"]
    assert message.subject == "Join Acme on Seedance SaaS"
    bo = make_user("bo@example.com")

    membership = invitations.accept(secret_in_mail(), bo, address="198.51.100.7")

    assert (membership.user, membership.role, membership.organization) == (bo, "developer", acme)
    invitation.refresh_from_db()
    assert invitation.accepted_at
    assert invitation.accepted_by == bo
    entry = AuditEntry.objects.get(action="invitation.accepted")
    assert (entry.actor, entry.target, entry.address) == (bo, invitation.id, "198.51.100.7")


def test_the_secret_is_in_no_row_and_in_no_mail_that_is_owed(
    acme: Organization, run_queue: RunQueue
) -> None:
    invite(acme)
    owed = OwedMail.objects.get().arguments
    run_queue()

    secret = secret_in_mail()

    rows = [*Invitation.objects.all(), *AuditEntry.objects.all()]
    assert secret not in serializers.serialize("json", rows)
    assert secret not in str(owed)
    assert "bo@example.com" not in serializers.serialize("json", AuditEntry.objects.all())


@pytest.mark.parametrize("secret", ["", "0" * 64, "x"])
def test_a_link_that_nobody_sent_opens_nothing(acme: Organization, secret: str) -> None:
    invite(acme)
    with pytest.raises(NotFound):
        accept(secret)
    assert acme.memberships.count() == 1


def test_one_that_was_used_lets_nobody_in_again(acme: Organization, run_queue: RunQueue) -> None:
    invite(acme)
    run_queue()
    bo = accept(secret_in_mail()).user

    with pytest.raises(invitations.InvitationUsed):
        invitations.accept(secret_in_mail(), bo)

    assert acme.memberships.count() == 2


def test_one_that_has_expired_lets_nobody_in(acme: Organization, run_queue: RunQueue) -> None:
    invitation = invite(acme)
    run_queue()
    assert invitation.expires_at - invitation.sent_at == timedelta(days=7)
    Invitation.objects.update(expires_at=timezone.now())

    with pytest.raises(invitations.InvitationExpired):
        accept(secret_in_mail())

    assert acme.memberships.count() == 1


def test_one_that_was_revoked_lets_nobody_in(acme: Organization, run_queue: RunQueue) -> None:
    invitation = invite(acme)
    run_queue()
    invitations.revoke(invitation, by=owner(acme))
    invitations.revoke(invitation, by=owner(acme))

    with pytest.raises(invitations.InvitationRevoked):
        accept(secret_in_mail())

    assert acme.memberships.count() == 1
    assert AuditEntry.objects.filter(action="invitation.revoked").count() == 1


def test_one_of_a_closed_organization_lets_nobody_in(
    acme: Organization, run_queue: RunQueue
) -> None:
    invite(acme)
    run_queue()
    Organization.objects.filter(pk=acme.pk).update(closed_at=timezone.now())

    with pytest.raises(invitations.InvitationRevoked):
        accept(secret_in_mail())


def test_it_is_for_one_address_alone(acme: Organization, run_queue: RunQueue) -> None:
    invite(acme)
    run_queue()
    with pytest.raises(invitations.InvitationForeign):
        accept(secret_in_mail(), "eve@example.com")
    assert acme.memberships.count() == 1
    assert Invitation.objects.get().accepted_at is None


@pytest.mark.parametrize("verified", [True, False])
def test_another_address_counts_once_it_is_proved(
    acme: Organization, run_queue: RunQueue, verified: bool
) -> None:
    invite(acme)
    run_queue()
    bo = make_user("private@example.com")
    EmailAddress.objects.create(user=bo, email="bo@example.com", verified=verified)

    if verified:
        assert invitations.accept(secret_in_mail(), bo).role == Role.DEVELOPER
    else:
        with pytest.raises(invitations.InvitationForeign):
            invitations.accept(secret_in_mail(), bo)


def test_a_member_who_accepts_keeps_their_role(acme: Organization, run_queue: RunQueue) -> None:
    invite(acme)
    run_queue()
    bo = make_user("bo@example.com")
    organizations.add_member(acme, bo, Role.ADMIN)

    assert invitations.accept(secret_in_mail(), bo).role == Role.ADMIN


def test_sent_again_the_old_link_dies_and_the_week_begins_anew(
    acme: Organization, run_queue: RunQueue
) -> None:
    invitation = invite(acme)
    run_queue()
    Invitation.objects.update(expires_at=timezone.now())  # it may even have expired

    invitations.send_again(invitation, by=owner(acme))
    run_queue()

    old, new = secret_in_mail(0), secret_in_mail(1)
    with pytest.raises(NotFound):
        accept(old)
    assert accept(new).role == Role.DEVELOPER


def test_a_sending_that_was_overtaken_mails_nothing(
    acme: Organization, run_queue: RunQueue
) -> None:
    invitation = invite(acme)
    invitations.send_again(invitation, by=owner(acme))
    run_queue()
    assert len(mail.outbox) == 1

    invitations.send_again(invitation, by=owner(acme))
    invitations.revoke(invitation, by=owner(acme))
    run_queue()
    assert len(mail.outbox) == 1


def test_one_that_is_over_is_not_sent_again(acme: Organization) -> None:
    invitation = invite(acme)
    invitations.revoke(invitation, by=owner(acme))
    with pytest.raises(NotFound):
        invitations.send_again(invitation, by=owner(acme))


@pytest.mark.parametrize(
    ("email", "role", "said"),
    [
        ("nobody", Role.VIEWER, "“nobody” is no e-mail address"),
        ("", Role.VIEWER, "is no e-mail address"),
        ("bo@example.com", "king", "“king” is no role"),
        ("bo@example.com", Role.OWNER, "does not give the role owner"),
    ],
)
def test_what_cannot_be_invited_is_named_and_nothing_is_sent(
    acme: Organization, email: str, role: str, said: str
) -> None:
    admin = member(acme, Role.ADMIN)
    good = Wanted("cy@example.com", Role.VIEWER, 1)

    with pytest.raises(NotInvited, match=said) as refused:
        invitations.invite(acme, [good, Wanted(email, role, 2)], by=admin)

    assert [problem.line for problem in refused.value.problems] == [2]
    assert nothing_happened()


def test_every_bad_line_is_named_with_its_number(acme: Organization) -> None:
    wanted = [
        Wanted(owner(acme).user.email, Role.VIEWER, 2),
        Wanted("cy@example.com", Role.VIEWER, 3),
        Wanted("CY@example.com", Role.ADMIN, 5),
        Wanted("nobody", Role.VIEWER, 7),
    ]
    with pytest.raises(NotInvited) as refused:
        invitations.invite(acme, wanted, by=owner(acme))

    said = {problem.line: problem.reason for problem in refused.value.problems}
    assert set(said) == {2, 5, 7}
    assert "is a member already" in said[2]
    assert "stands in line 3 already" in said[5]
    assert nothing_happened()


def test_an_address_has_one_open_invitation(acme: Organization) -> None:
    invite(acme)
    with pytest.raises(NotInvited, match="is invited already"):
        invite(acme)
    assert Invitation.objects.count() == 1

    Invitation.objects.update(expires_at=timezone.now())
    invite(acme, role=Role.VIEWER)
    assert Invitation.objects.get(revoked_at=None).role == Role.VIEWER


def test_those_who_may_not_invite_do_not(acme: Organization) -> None:
    for role in (Role.DEVELOPER, Role.BILLING, Role.VIEWER):
        with pytest.raises(NotInvited):
            invitations.invite(acme, [Wanted("bo@example.com", "viewer")], by=member(acme, role))
    assert nothing_happened()
    invitation = invite(acme, role=Role.OWNER)
    for change in (invitations.revoke, invitations.send_again):
        with pytest.raises(Forbidden):
            change(invitation, by=member(acme, Role.ADMIN))
    assert Invitation.objects.filter(revoked_at=None).exists()


def test_open_ones_are_limited(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "OPEN_MAX", 2)
    invite(acme, "a@example.com")
    wanted = [Wanted("b@example.com", "viewer"), Wanted("c@example.com", "viewer")]

    with pytest.raises(InvalidRequest, match="1 invitations are open, and at most 2"):
        invitations.invite(acme, wanted, by=owner(acme))

    assert Invitation.objects.count() == 1


def test_mails_to_one_address_are_few_however_they_are_asked_for(acme: Organization) -> None:
    invitation = invite(acme)
    invitations.revoke(invitation, by=owner(acme))
    invitation = invite(acme)
    for _ in range(MAILS_TO_ONE_PER_HOUR_MAX - 2):
        invitations.send_again(invitation, by=owner(acme))
    owed = OwedMail.objects.count()
    assert owed == MAILS_TO_ONE_PER_HOUR_MAX

    with pytest.raises(TooManyMails):
        invitations.send_again(invitation, by=owner(acme))
    invitations.revoke(invitation, by=owner(acme))
    with pytest.raises(TooManyMails):
        invite(acme)

    assert OwedMail.objects.count() == owed
    assert invite(acme, "cy@example.com")


def test_mails_of_one_organization_are_limited(acme: Organization) -> None:
    now = timezone.now()
    Invitation.objects.bulk_create(
        Invitation(
            organization=acme, email=f"p{number}@example.com", role="viewer",
            secret_sha256=str(number), sent_at=now, expires_at=now, revoked_at=now,
        )
        for number in range(MAILS_PER_HOUR_MAX)
    )  # fmt: skip
    with pytest.raises(TooManyMails):
        invite(acme)
    assert not OwedMail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_accept_at_once_are_one_member(acme: Organization, run_queue: RunQueue) -> None:
    invite(acme)
    run_queue()
    bo = make_user("bo@example.com")

    outcomes = race([partial(invitations.accept, secret_in_mail(), bo) for _ in range(4)])

    assert len([one for one in outcomes if isinstance(one, Membership)]) == 1
    assert len([one for one in outcomes if isinstance(one, Refusal)]) == 3
    assert acme.memberships.filter(user=bo).count() == 1
