"""A personal key acts for its member: within their role, for their like alone, and no longer than they belong."""

from collections.abc import Callable
from functools import partial

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import api_keys, key_changes, key_terms, members, roles
from accounts.key_terms import Terms, WiderThanOwn
from accounts.models import (
    ApiKey,
    AuditEntry,
    Membership,
    Organization,
    Role,
    RoleTerms,
    User,
)
from seedance_saas.errors import Forbidden
from tests.accounts.team import member, owner
from tests.race import race
from tests.world import Api


def personal(bo: Membership, name: str = "scripts", terms: Terms = Terms()) -> tuple[ApiKey, str]:  # noqa: B008  # frozen
    return api_keys.issue(bo.organization, name, terms, member=bo, by=bo.user)


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.BILLING, Role.VIEWER])
def test_who_sets_no_budgets_makes_no_key_of_the_organization(
    acme: Organization, role: Role
) -> None:
    bo = member(acme, role)

    with pytest.raises(Forbidden):
        api_keys.issue(acme, "free", by=bo.user)

    assert not ApiKey.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_role_that_was_lost_meanwhile_makes_no_key(acme: Organization) -> None:
    bo = member(acme, Role.ADMIN)
    members.change_role(bo, Role.DEVELOPER, by=owner(acme))
    with pytest.raises(Forbidden):
        api_keys.issue(acme, "free", by=bo.user)

    members.change_role(bo, Role.VIEWER, by=owner(acme))
    with pytest.raises(Forbidden):
        personal(bo)

    assert not ApiKey.objects.exists()


def test_a_stranger_gets_no_personal_key(acme: Organization, rival: Organization) -> None:
    ann = owner(rival)
    with pytest.raises(Forbidden):
        api_keys.issue(acme, "theirs", member=ann, by=ann.user)
    assert not ApiKey.objects.exists()


def test_the_trail_says_for_whom_a_key_was_made(acme: Organization) -> None:
    bo = member(acme, Role.DEVELOPER)
    key, _ = personal(bo)

    assert key.member == bo
    entry = AuditEntry.objects.get(action="api_key.issued")
    assert entry.after == {"prefix": key.prefix, "member": bo.pk}


def test_every_scope_asks_something_of_a_role(acme: Organization) -> None:
    first = owner(acme)
    assert all(roles.can_use_scope(first, scope) for scope in key_terms.SCOPES)
    bo = member(acme, Role.DEVELOPER)
    assert {scope for scope in key_terms.SCOPES if roles.can_use_scope(bo, scope)} == {
        "generations:write", "generations:read", "keys:read", "keys:write",
        "webhooks:read", "webhooks:write", "events:read",
    }  # fmt: skip


def test_a_key_without_a_list_of_scopes_may_what_its_member_may_now(acme: Organization) -> None:
    bo = member(acme, Role.ADMIN)
    _, secret = personal(bo)
    program = Api(secret)
    assert program.get("/balance").status_code == 200
    assert program.get("/budgets").status_code == 200

    members.change_role(bo, Role.DEVELOPER, by=owner(acme))

    refused = program.get("/balance")
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert error["code"] == "insufficient_role"
    assert error["details"] == {"needed": "billing:read", "role": "developer"}
    assert program.get("/webhook-endpoints").status_code == 200
    members.change_role(bo, Role.VIEWER, by=owner(acme))
    assert program.get("/webhook-endpoints").status_code == 403
    assert program.get("/generations").status_code == 200


def test_a_narrow_key_is_no_wider_for_the_role_of_its_member(acme: Organization) -> None:
    _, secret = personal(owner(acme), terms=Terms(scopes=("generations:read",)))
    error = Api(secret).get("/balance").json()["error"]
    assert error["code"] == "insufficient_scope"


def test_a_key_of_one_who_does_not_belong_opens_nothing_whatever_else_was_lost(
    acme: Organization,
) -> None:
    bo = member(acme, Role.DEVELOPER)
    key, secret = personal(bo)
    assert api_keys.find(secret) == key

    Membership.objects.filter(pk=bo.pk).update(removed_at=timezone.now())

    assert api_keys.find(secret) is None


def test_a_key_of_one_who_cannot_sign_in_opens_nothing(acme: Organization) -> None:
    bo = member(acme, Role.DEVELOPER)
    _, secret = personal(bo)
    User.objects.filter(pk=bo.user_id).update(is_active=False)

    assert api_keys.find(secret) is None


def test_whoever_comes_back_has_no_key_of_before(acme: Organization) -> None:
    bo = member(acme, Role.DEVELOPER)
    _, secret = personal(bo)
    members.remove(bo, by=owner(acme))
    Membership.objects.create(organization=acme, user=bo.user, role=Role.DEVELOPER)

    assert api_keys.find(secret) is None


def test_a_personal_key_is_found_with_its_member_and_their_terms_in_one_read(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    bo = member(acme, Role.DEVELOPER)
    RoleTerms.objects.create(
        organization=acme, role=Role.DEVELOPER, allowed_models=["a"], allowed_resolutions=["480p"]
    )
    _, secret = personal(bo)
    api_keys.find(secret)  # notes the first use

    with django_assert_num_queries(1):
        found = api_keys.find(secret)
        assert found
        assert found.member == bo
        assert (found.member.terms.allowed_models, found.member.terms.allowed_resolutions) == (
            ["a"],
            ["480p"],
        )


# -- between keys -----------------------------------------------------------------------------------


def test_a_key_gets_at_keys_of_its_own_kind_and_member_alone(acme: Organization) -> None:
    bo, cy = member(acme, Role.ADMIN), member(acme, Role.ADMIN)
    mine, _ = personal(bo)
    others = [personal(cy)[0], api_keys.issue(acme, "backend")[0]]
    of_all, _ = api_keys.issue(acme, "of all")
    before = list(ApiKey.objects.order_by("id").values())

    attempts: list[Callable[[], object]] = [
        partial(api_keys.issue, acme, "free", by_key=mine),
        partial(api_keys.issue, acme, "of cy", member=cy, by_key=mine),
        partial(api_keys.issue, acme, "of bo", member=bo, by_key=of_all),
        *(partial(api_keys.rotate, one, overlap_seconds=0, by_key=mine) for one in others),
        *(partial(key_changes.change, one, name="x", terms={}, by_key=mine) for one in others),
        partial(api_keys.rotate, mine, overlap_seconds=0, by_key=of_all),
        partial(key_changes.change, mine, name="x", terms={}, by_key=of_all),
    ]
    for attempt in attempts:
        with pytest.raises(WiderThanOwn) as refused:
            attempt()
        assert refused.value.param == "kind"

    assert list(ApiKey.objects.order_by("id").values()) == before
    made, _ = api_keys.issue(acme, "also bo's", member=bo, by_key=mine)
    assert made.member == bo


def test_a_key_that_was_narrowed_does_not_widen_itself_again(acme: Organization) -> None:
    as_it_was, _ = api_keys.issue(acme, "server")
    admin = key_changes.change(as_it_was, terms={"scopes": ("keys:write",)})
    assert admin.scopes == ["keys:write"]

    with pytest.raises(WiderThanOwn):
        key_changes.change(as_it_was, terms={"scopes": ()}, by_key=as_it_was)

    admin.refresh_from_db()
    assert admin.scopes == ["keys:write"]


# -- given to the organization ----------------------------------------------------------------------


def test_a_key_given_to_the_organization_outlives_its_member(acme: Organization) -> None:
    bo = member(acme, Role.DEVELOPER)
    key, secret = personal(bo)

    assert key_changes.give_to_organization(key, by=owner(acme).user, address="192.0.2.7")
    assert not key_changes.give_to_organization(key, by=owner(acme).user)
    members.remove(bo, by=owner(acme))

    found = api_keys.find(secret)
    assert found
    assert found.member is None
    entry = AuditEntry.objects.get(action="api_key.given_to_organization")
    assert (entry.before, entry.after) == ({"member": bo.pk}, {"member": None})
    assert (entry.actor, entry.address) == (owner(acme).user, "192.0.2.7")


def test_a_key_that_is_over_is_not_given(acme: Organization) -> None:
    key, _ = personal(member(acme, Role.DEVELOPER))
    api_keys.revoke(key)

    with pytest.raises(api_keys.KeyIsOver):
        key_changes.give_to_organization(key, by=owner(acme).user)

    key.refresh_from_db()
    assert key.is_personal


def test_a_rotation_leaves_a_key_personal(acme: Organization) -> None:
    bo = member(acme, Role.DEVELOPER)
    key, _ = personal(bo)

    _, secret = api_keys.rotate(key, overlap_seconds=60, by_key=key)

    found = api_keys.find(secret)
    assert found
    assert found.member == bo


@pytest.mark.django_db(transaction=True)
def test_a_key_is_given_or_revoked_with_its_member_and_never_left_between(
    acme: Organization,
) -> None:
    ann = owner(acme)
    for _ in range(10):
        bo = member(acme, Role.DEVELOPER)
        key, secret = personal(bo)
        race(
            [
                partial(key_changes.give_to_organization, key, by=ann.user),
                partial(members.remove, bo, by=ann),
            ]
        )
        key.refresh_from_db()
        assert (api_keys.find(secret) is not None) == (not key.is_personal and not key.revoked_at)
        assert not key.is_personal or key.revoked_at
