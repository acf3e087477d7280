"""Roles are given within one's own, and whoever is removed takes nothing along."""

from functools import partial

import pytest

from accounts import api_keys, invitations, members, roles
from accounts.invitation_checks import Wanted
from accounts.members import AboveTheirRole
from accounts.models import ApiKey, AuditEntry, Invitation, Membership, Organization, Role
from seedance_saas.errors import InvalidRequest, NotFound
from tests.accounts.team import member, owner
from tests.race import race


def trail(prefix: str = "member.") -> list[str]:
    rows = AuditEntry.objects.filter(action__startswith=prefix).order_by("id")
    return list(rows.values_list("action", flat=True))


def test_a_role_counts_at_once_and_stays_in_the_trail(acme: Organization) -> None:
    bo = member(acme, Role.VIEWER)

    members.change_role(bo, Role.DEVELOPER, by=owner(acme), address="198.51.100.7")
    members.change_role(bo, Role.DEVELOPER, by=owner(acme))

    bo.refresh_from_db()
    assert roles.can_spend(bo)
    entry = AuditEntry.objects.get(action="member.role_changed")
    assert (entry.before, entry.after) == ({"role": "viewer"}, {"role": "developer"})
    assert (entry.actor, entry.address, entry.target) == (owner(acme).user, "198.51.100.7", bo.id)


@pytest.mark.parametrize(
    ("by", "was", "wanted"),
    [
        (Role.ADMIN, Role.VIEWER, Role.OWNER),
        (Role.ADMIN, Role.OWNER, Role.VIEWER),
        (Role.DEVELOPER, Role.VIEWER, Role.DEVELOPER),
        (Role.BILLING, Role.BILLING, Role.ADMIN),
        (Role.VIEWER, Role.ADMIN, Role.VIEWER),
    ],
)
def test_nobody_gives_or_takes_a_role_above_their_own(
    acme: Organization, by: Role, was: Role, wanted: Role
) -> None:
    actor, other = member(acme, by), member(acme, was)

    with pytest.raises(AboveTheirRole):
        members.change_role(other, wanted, by=actor)

    other.refresh_from_db()
    assert other.role == was
    assert trail() == []


def test_nobody_makes_themselves_more_than_they_are(acme: Organization) -> None:
    admin = member(acme, Role.ADMIN)
    with pytest.raises(AboveTheirRole):
        members.change_role(admin, Role.OWNER, by=admin)
    assert trail() == []


def test_a_role_that_was_lost_meanwhile_gives_nothing(acme: Organization) -> None:
    stale, bo = member(acme, Role.ADMIN), member(acme, Role.VIEWER)
    Membership.objects.filter(pk=stale.pk).update(role=Role.VIEWER)

    with pytest.raises(AboveTheirRole):
        members.change_role(bo, Role.DEVELOPER, by=stale)
    with pytest.raises(AboveTheirRole):
        members.remove(bo, by=stale)

    bo.refresh_from_db()
    assert (bo.role, bo.removed_at) == (Role.VIEWER, None)


def test_a_role_that_is_none_is_named(acme: Organization) -> None:
    with pytest.raises(InvalidRequest, match="owner, admin, developer, billing, viewer"):
        members.change_role(member(acme, Role.VIEWER), "king", by=owner(acme))
    assert trail() == []


def test_removing_revokes_the_personal_keys_and_the_invitations_they_sent(
    acme: Organization,
) -> None:
    bo = member(acme, Role.ADMIN)
    key, secret = api_keys.issue(acme, "bo's", member=bo, by=bo.user)
    made, made_secret = api_keys.issue(acme, "backend", by=bo.user)
    invitations.invite(acme, [Wanted("cy@example.com", Role.VIEWER)], by=bo)

    removed = members.remove(bo, by=owner(acme))

    assert removed == members.Removed(keys_count=1, invitations_count=1)
    assert api_keys.find(secret) is None
    assert api_keys.find(made_secret) == made
    assert Invitation.objects.get().revoked_at
    assert not acme.memberships.filter(pk=bo.pk).exists()
    assert Membership.with_former.get(pk=bo.pk).removed_at
    entry = AuditEntry.objects.get(action="member.removed")
    assert entry.after == {"keys_revoked": 1}
    assert AuditEntry.objects.get(action="api_key.revoked").target == key.id


@pytest.mark.parametrize("is_personal", [True, False])
@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_made_while_its_maker_is_removed_opens_nothing(
    acme: Organization, is_personal: bool
) -> None:
    ann = owner(acme)
    for number in range(10):
        bo = member(acme, Role.ADMIN)
        race(
            [
                partial(
                    api_keys.issue, acme, f"key {number}",
                    member=bo if is_personal else None, by=bo.user,
                ),
                partial(members.remove, bo, by=ann, revokes_made=True),
            ]
        )  # fmt: skip
        assert not acme.memberships.filter(pk=bo.pk).exists()
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_keys_of_the_organization_go_with_their_maker_if_that_is_chosen(acme: Organization) -> None:
    bo = member(acme, Role.ADMIN)
    _, secret = api_keys.issue(acme, "backend", by=bo.user)
    other, other_secret = api_keys.issue(acme, "another's", by=owner(acme).user)

    removed = members.remove(bo, by=owner(acme), revokes_made=True)

    assert removed.keys_count == 1
    assert api_keys.find(secret) is None
    assert api_keys.find(other_secret) == other


def test_whoever_was_removed_is_removed_once_and_may_come_back(acme: Organization) -> None:
    bo = member(acme, Role.VIEWER)
    members.remove(bo, by=owner(acme))

    with pytest.raises(NotFound):
        members.remove(bo, by=owner(acme))
    with pytest.raises(NotFound):
        members.change_role(bo, Role.ADMIN, by=owner(acme))

    assert trail() == ["member.removed"]
    again = Membership.objects.create(organization=acme, user=bo.user, role=Role.VIEWER)
    assert again.pk != bo.pk


def test_everybody_may_leave_but_remove_only_below_themselves(acme: Organization) -> None:
    viewer, other = member(acme, Role.VIEWER), member(acme, Role.VIEWER)
    with pytest.raises(AboveTheirRole):
        members.remove(other, by=viewer)
    members.remove(viewer, by=viewer)
    assert trail() == ["member.left"]
    assert set(acme.memberships.values_list("pk", flat=True)) == {owner(acme).pk, other.pk}


def test_an_admin_does_not_remove_an_owner(acme: Organization) -> None:
    admin, second = member(acme, Role.ADMIN), member(acme, Role.OWNER)
    with pytest.raises(AboveTheirRole):
        members.remove(second, by=admin)
    assert acme.memberships.filter(pk=second.pk).exists()


def test_ownership_changes_hands_on_both_sides_or_on_none(acme: Organization) -> None:
    ann, bo = owner(acme), member(acme, Role.DEVELOPER)

    members.transfer_ownership(bo, by=ann)

    assert {one.pk: one.role for one in acme.memberships.all()} == {
        ann.pk: Role.ADMIN,
        bo.pk: Role.OWNER,
    }
    entry = AuditEntry.objects.get(action="organization.ownership_transferred")
    assert entry.before == {ann.id: "owner", bo.id: "developer"}
    assert entry.after == {ann.id: "admin", bo.id: "owner"}


def test_ownership_goes_to_members_who_can_sign_in_and_from_owners_alone(
    acme: Organization, rival: Organization
) -> None:
    ann, admin, gone, former = (
        owner(acme), member(acme, Role.ADMIN), member(acme, Role.VIEWER), member(acme, Role.VIEWER),
    )  # fmt: skip
    gone.user.is_active = False
    gone.user.save()
    members.remove(former, by=ann)

    for to, by, refused in (
        (admin, admin, InvalidRequest),
        (former, ann, NotFound),
        (gone, ann, members.LastOwner),
        (ann, admin, AboveTheirRole),
        (owner(rival), ann, NotFound),
    ):
        with pytest.raises(refused):
            members.transfer_ownership(to, by=by)

    assert owner(acme) == ann
    assert owner(rival).role == Role.OWNER


def test_a_lesser_role_takes_back_the_invitations_it_could_not_send(acme: Organization) -> None:
    bo = member(acme, Role.OWNER)
    invitations.invite(acme, [Wanted("cy@example.com", Role.OWNER)], by=bo)
    kept = invitations.invite(acme, [Wanted("di@example.com", Role.VIEWER)], by=bo)[0]

    ann = acme.memberships.exclude(pk=bo.pk).get()
    members.change_role(bo, Role.ADMIN, by=ann)

    assert Invitation.objects.get(revoked_at=None) == kept
