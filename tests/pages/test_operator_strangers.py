"""To everybody but our own staff the operator's pages do not exist: whatever the address, the method, the token."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts import organizations
from accounts.models import Organization, Role, User
from billing.models import LedgerCheck, Purchase, StripeEvent
from billing.operator_pages.urls import urlpatterns
from tests.world import make_user

pytestmark = pytest.mark.thorough

READ = [
    "/operator/money",
    "/operator/purchases",
    "/operator/money-back",
    "/operator/events",
    "/operator/meters",
    "/operator/meters/take-back",
    "/operator/comparisons",
    "/operator/lines",
    "/operator/ledger",
]
WRITE = ["/operator/events/again", "/operator/comparisons/now", "/operator/stop-looking"]
OF_ONE = [
    "/operator/purchases/pur_1",
    "/operator/purchases/pur_1/refund",
    "/operator/events/evt_1/again",
    "/operator/lines/{organization}",
    "/operator/organizations/{organization}",
    "/operator/organizations/{organization}/give",
    "/operator/organizations/{organization}/suspend",
    "/operator/organizations/{organization}/reinstate",
    "/operator/organizations/{organization}/look",
    "/operator/keys/key_1/revoke",
    "/operator/deliveries/dlv_1/resend",
]
OF_PRODUCT = [
    "/operator",
    "/operator/",
    "/operator/find?q=acme",
    "/operator/catalog",
    "/operator/generations/gen_1",
    "/operator/generations/gen_1/cancel",
    "/operator/generations/gen_1/unstick",
    "/operator/rates",
    "/operator/rates/margin",
    "/operator/rates/2026-01-01",
    "/operator/records/",
    "/operator/records/nothing",
    "/operator/records/login/",
    "/operator/records/logout/",
    "/operator/records/jsi18n/",
    "/operator/records/accounts/organization/",
    "/operator/records/accounts/organization/add/",
    "/operator/records/accounts/organization/{organization}/change/",
]
EVERY = [*READ, *WRITE, *OF_ONE]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]


@pytest.fixture
def strangers(acme: Organization, member_of: Callable[..., User]) -> dict[str, Client]:
    """Each with a browser that asks for a form's token, as the real one does."""
    found = {"signed out": Client(enforce_csrf_checks=True)}
    retired = make_user()
    User.objects.filter(pk=retired.pk).update(is_staff=True, is_active=False)
    for who, user in (
        *((role.value, member_of(acme, role)) for role in Role),
        ("retired staff", retired),
    ):
        client = Client(enforce_csrf_checks=True)
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        found[who] = client
    return found


def test_every_address_is_in_the_table() -> None:
    assert len(EVERY) == len(urlpatterns)


@pytest.mark.parametrize("path", [*EVERY, *OF_PRODUCT])
def test_nobody_else_finds_it(acme: Organization, strangers: dict[str, Client], path: str) -> None:
    path = path.format(organization=acme.pk)
    now = {"due_at": "2026-06-17T00:00:00Z"}
    Purchase.objects.create(
        id="pur_1", organization=acme, origin="checkout", amount_cents=50_00,
        created_at=now["due_at"], **now,
    )  # fmt: skip
    StripeEvent.objects.create(id="evt_1", type="refund.updated", state="dead", **now)

    nothing = Client().get("/operator/nothing").content
    for who, client in strangers.items():
        for method in METHODS:
            answer = client.generic(method, path)
            assert answer.status_code == 404, (who, method)
            assert answer.content == (b"" if method == "HEAD" else nothing), (who, method)
    assert StripeEvent.objects.get().state == "dead"


@pytest.mark.parametrize("path", READ)
def test_our_staff_reads_it_and_nothing_is_changed_by_reading(staff: Client, path: str) -> None:
    answer = staff.get(path)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert staff.put(path).status_code == 405


@pytest.mark.parametrize("path", WRITE)
def test_what_changes_something_is_posted_with_a_token(ann: User, staff: Client, path: str) -> None:
    without_token = Client(enforce_csrf_checks=True)
    without_token.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert staff.get(path).status_code == 405
    assert without_token.post(path).status_code == 403
    assert staff.post(path).status_code in (302, 303)


@pytest.mark.parametrize("path", OF_ONE)
def test_what_is_not_there_is_not_found_by_our_staff_either(staff: Client, path: str) -> None:
    path = path.format(organization="org_1")

    assert {staff.get(path).status_code, staff.post(path).status_code} <= {404, 405}


@pytest.mark.parametrize("path", [*READ, "/operator/lines/{organization}"])
def test_odd_words_in_an_address_break_nothing(
    acme: Organization, staff: Client, path: str
) -> None:
    LedgerCheck.objects.all().delete()
    path = path.format(organization=acme.pk)
    for name in ("state", "organization", "id", "kind", "show", "reference", "cursor"):
        for odd in ("", " ", "bogus", "-1", "9" * 400, "é\n", "<b>", "AA==", "bm8=", "org_"):
            assert staff.get(path, {name: odd}).status_code in (200, 302, 400, 404), (name, odd)


def test_only_our_staff_is_shown_the_way(
    acme: Organization, staff: Client, ann: User, browser: Callable[..., Client]
) -> None:
    organizations.add_member(acme, ann, Role.VIEWER)

    assert 'href="/operator/"' in staff.get("/").content.decode()
    assert 'href="/operator/"' not in browser(acme).get("/").content.decode()
