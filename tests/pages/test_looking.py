"""Our staff looks at an organization as its owner would: for a while, with a reason, and changes nothing."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts import looking, organizations
from accounts.models import ApiKey, AuditEntry, Look, Organization, Role, User
from generations.models import Generation
from tests.pages.conftest import signed_in, text
from tests.world import money

ACTIONS = ("staff.look_began", "staff.look_ended")


def begin(staff: Client, organization: Organization, reason: str = "ticket 12") -> Any:
    return staff.post(f"/operator/organizations/{organization.pk}/look", {"reason": reason})


def trail(organization: Organization) -> list[str]:
    found = AuditEntry.objects.filter(organization=organization, action__in=ACTIONS)
    return list(found.order_by("id").values_list("action", flat=True))


def test_it_is_begun_with_a_reason_that_the_organization_reads(
    acme: Organization, ann: User, staff: Client, browser: Callable[..., Client]
) -> None:
    assert begin(staff, acme, reason=" ").status_code == 400
    assert not Look.objects.exists()

    answer = begin(staff, acme)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    look = Look.objects.get()
    assert (look.organization, look.staff, look.reason) == (acme, ann, "ticket 12")
    assert look.until - look.began_at == timedelta(minutes=30)
    entry = AuditEntry.objects.get(organization=acme, action=ACTIONS[0])
    assert (entry.actor, entry.target) == (ann, look.id)
    assert entry.after == {"reason": "ticket 12", "until": look.until.isoformat()}


def test_she_sees_what_an_owner_sees_and_reads_on_each_page_that_she_only_looks(
    acme: Organization, ann: User, staff: Client, queued: Callable[[Organization], Generation]
) -> None:
    own = organizations.create("Ann's own", owner=ann)
    queued(acme)
    begin(staff, acme)

    for path in ("/", "/billing", "/gallery", "/usage", "/create", "/keys"):
        page = text(staff.get(path))
        assert "You look at <b>Acme</b> as its owner would" in page, path
        assert own.name not in page or path == "/", path
    assert "$24.54" in text(staff.get("/billing"))


def test_she_ends_it_with_a_button(acme: Organization, ann: User, staff: Client) -> None:
    organizations.create("Ann's own", owner=ann)
    begin(staff, acme)

    answer = staff.post("/operator/stop-looking")

    assert answer.headers["Location"] == f"/operator/organizations/{acme.pk}"
    assert "You look at" not in text(staff.get("/"))
    assert trail(acme) == list(ACTIONS)
    assert staff.post("/operator/stop-looking").status_code == 303
    assert trail(acme) == list(ACTIONS)


def test_it_ends_by_itself_whether_or_not_she_comes_back(
    acme: Organization, ann: User, staff: Client
) -> None:
    begin(staff, acme)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert "Acme" not in text(staff.get("/", follow=True))
        assert trail(acme) == [ACTIONS[0]]

        looking.end_overdue()
        looking.end_overdue()

    assert trail(acme) == list(ACTIONS)
    look = Look.objects.get()
    assert look.ended_at == look.until
    assert AuditEntry.objects.get(action=ACTIONS[1]).actor is None


def test_a_form_that_is_sent_too_late_reaches_no_organization_of_her_own(
    acme: Organization, ann: User, staff: Client
) -> None:
    own = organizations.create("Ann's own", owner=ann)
    begin(staff, acme)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        late = staff.post("/theme", {"theme": "dark"})
        assert late.status_code == 403
        assert "You do not look any more" in text(late)
        assert staff.post("/theme", {"theme": "dark"}).status_code == 302
    assert money(own) == (0, 0)


def test_it_ends_at_once_for_who_is_no_staff_any_more(
    acme: Organization, ann: User, staff: Client
) -> None:
    begin(staff, acme)
    User.objects.filter(pk=ann.pk).update(is_staff=False)

    assert "Acme" not in text(staff.get("/", follow=True))


def test_another_one_waits_until_this_one_is_ended(
    acme: Organization, rival: Organization, staff: Client
) -> None:
    begin(staff, acme)

    assert begin(staff, rival).status_code == 403
    assert trail(rival) == []


def test_in_another_browser_another_one_ends_the_first(
    acme: Organization, rival: Organization, ann: User, staff: Client, page_for: Any
) -> None:
    begin(staff, acme)
    another = page_for(ann)
    signed_in(another, ann, at=time.time())
    begin(another, rival)

    assert trail(acme) == list(ACTIONS)
    assert trail(rival) == [ACTIONS[0]]
    assert "Acme" not in text(staff.get("/", follow=True))


# -- Nothing changes ----------------------------------------------------------------------------------


def addresses(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Every address of the product, with something in place of what varies."""
    for pattern in patterns:
        route = str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, prefix + route)
        elif isinstance(pattern, URLPattern):
            yield prefix + route


def concrete(route: str) -> str:
    path = re.sub(r"<int:\w+>", "1", route.replace("/?$", ""))
    path = re.sub(r"<[^>]*:?provider>\w*", "eachlabs", path)
    path = re.sub(r"\(\?P<provider>[^)]*\)", "eachlabs", path)
    path = re.sub(r"\(\?P<secret>[^)]*\)", "s" * 43, path)
    path = re.sub(r"\(\?P<uidb36>[^)]*\)", "usr_" + "0" * 32, path)
    path = re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]*>", "x", path)
    return "/" + re.sub(r"[\^$?]|\\Z", "", path)


EVERY = sorted({concrete(route) for route in addresses(get_resolver().url_patterns)})


def test_the_list_of_addresses_is_all_of_them() -> None:
    assert len(EVERY) > 100
    assert {"/keys", "/create", "/theme", "/api/v1/generations", "/accounts/logout/"} <= set(EVERY)


@pytest.mark.parametrize("one_in", [8, pytest.param(1, marks=pytest.mark.thorough)])
def test_no_address_takes_anything_but_a_question(
    acme: Organization,
    ann: User,
    staff: Client,
    queued: Callable[[Organization], Generation],
    one_in: int,
) -> None:
    queued(acme)
    begin(staff, acme)
    before = (money(acme), AuditEntry.objects.count(), ApiKey.objects.count())
    taken = []
    for path in sorted(set(EVERY) - {"/operator/stop-looking"})[::one_in]:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for headers in ({}, {"HX-Request": "true"}):
                answer = staff.generic(method, path, headers=headers)
                if answer.status_code not in (403, 404):
                    taken.append((method, path, answer.status_code))
    assert taken == []
    assert (money(acme), AuditEntry.objects.count(), ApiKey.objects.count()) == before


def test_the_refusal_says_why(acme: Organization, staff: Client) -> None:
    begin(staff, acme)

    page = staff.post("/theme", {"theme": "dark"})
    program = staff.post("/api/v1/generations", {}, content_type="application/json")

    assert "Whoever looks at an organization as its owner would changes nothing there" in text(page)
    assert program.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    "path", ["/accounts/password/change/", "/accounts/2fa/", "/accounts/email/"]
)
def test_pages_of_her_own_account_are_closed_meanwhile(
    acme: Organization, staff: Client, path: str
) -> None:
    begin(staff, acme)

    assert staff.get(path).status_code == 403


def test_her_session_is_hers_but_for_a_marker(
    acme: Organization, rival: Organization, ann: User, staff: Client
) -> None:
    organizations.add_member(rival, ann, Role.VIEWER)
    staff.post("/organizations/choose", {"organization": rival.pk})
    before = dict(staff.session)

    begin(staff, acme)
    staff.get("/")

    after = dict(staff.session)
    assert after.pop(looking.SESSION_KEY) == Look.objects.get().pk
    after.pop("_messages", None), before.pop("_messages", None)
    assert after == before
    staff.post("/operator/stop-looking")
    assert "Rival" in text(staff.get("/"))


def test_looking_costs_one_question_more_than_the_page_itself(
    acme: Organization, browser: Callable[..., Client], staff: Client
) -> None:
    def count(client: Client) -> int:
        client.get("/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/").status_code == 200
        return len(asked)

    owner = count(browser(acme))
    begin(staff, acme)

    assert count(staff) <= owner + 1 <= 12
