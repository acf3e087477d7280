"""Each page opens for who may see it, and for nobody else."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Organization, Role, User
from generations.models import Generation
from tests.world import make_user

FOR_ALL = ["/", "/create", "/gallery", "/organizations/new"]
FOR_READERS_OF_MONEY = [
    "/billing",
    "/billing/buy",
    "/billing/transfers.csv",
    "/billing/purchases",
    "/billing/purchases.csv",
    "/billing/auto-top-up",
    "/billing/invoices",
    "/statements",
]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("path", FOR_ALL)
def test_every_role_opens_the_common_pages(
    acme: Organization, browser: Callable[..., Client], role: Role, path: str
) -> None:
    assert browser(acme, role).get(path).status_code == 200


@pytest.mark.parametrize("path", FOR_READERS_OF_MONEY)
@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.OWNER, 200),
        (Role.ADMIN, 200),
        (Role.BILLING, 200),
        (Role.DEVELOPER, 403),
        (Role.VIEWER, 403),
    ],
)
def test_the_ledger_opens_for_those_who_read_money(
    acme: Organization, browser: Callable[..., Client], role: Role, status: int, path: str
) -> None:
    assert browser(acme, role).get(path).status_code == status


@pytest.mark.parametrize("path", [*FOR_ALL, *FOR_READERS_OF_MONEY, "/live"])
def test_nobody_is_asked_to_sign_in_first(db: None, path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/")  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/", "/create", "/gallery", "/billing", "/live"])
def test_a_person_without_an_organization_makes_one_first(
    page_for: Callable[[User], Client], path: str
) -> None:
    client = page_for(make_user())

    assert client.get(path).url == "/organizations/new"  # type: ignore[attr-defined]
    made = client.post("/organizations/new", {"name": "New Pictures"}, follow=True)

    assert "New Pictures is ready." in made.content.decode()
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["", "/live", "/live?view=result"])
def test_a_strangers_generation_is_not_there(
    acme: Organization,
    rival: Organization,
    browser: Callable[..., Client],
    queued: Callable[[Organization], Generation],
    path: str,
) -> None:
    theirs = queued(rival)

    assert browser(acme).get(f"/generations/{theirs.id}{path}").status_code == 404
    assert browser(rival).get(f"/generations/{theirs.id}{path}").status_code == 200


def test_a_stranger_cannot_cancel_repeat_or_watch_it(
    acme: Organization,
    rival: Organization,
    browser: Callable[..., Client],
    queued: Callable[[Organization], Generation],
) -> None:
    theirs = queued(rival, "a secret of theirs")  # type: ignore[call-arg]
    client = browser(acme)

    assert client.post(f"/generations/{theirs.id}/cancel").status_code == 404
    assert client.get(f"/create?from={theirs.id}").status_code == 404
    assert client.get(f"/create?after={theirs.id}").status_code == 404
    assert b"a secret of theirs" not in client.get(f"/live?seen={theirs.id}:queued").content
    assert b"a secret of theirs" not in client.get("/gallery").content
    lines = client.get("/billing/transfers.csv").streaming_content  # type: ignore[attr-defined]
    assert theirs.id.encode() not in b"".join(lines)
    theirs.refresh_from_db()
    assert theirs.state == "queued"


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/inactive/",
    ],
)
def test_the_pages_before_sign_in_wear_our_frame(db: None, path: str) -> None:
    page = Client().get(path).content.decode()
    assert 'class="door"' in page
    assert "Menu:" not in page


@pytest.mark.parametrize(
    ("path", "frame"),
    [
        ("/accounts/logout/", "door"),
        ("/accounts/email/", "shell"),
        ("/accounts/password/change/", "shell"),
    ],
)
def test_the_pages_of_the_account_wear_our_frame(
    acme: Organization, browser: Callable[..., Client], path: str, frame: str
) -> None:
    assert f'class="{frame}"' in browser(acme).get(path).content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/gallery?cursor=AA==",
        "/gallery?cursor=%C3%A9",
        "/billing?cursor=AA==",
        "/billing?cursor=bm8=",
        "/billing/purchases?cursor=AA==",
        "/billing/purchases/pur_1",
        "/billing/purchases/pur_1/receipt",
        "/billing/invoices?cursor=AA==",
        "/billing/invoices/inv_1",
        "/billing/invoices/inv_1/usage.csv",
        "/generations/gen_%C3%A9",
        "/statements?cursor=bm8=",
    ],
)
def test_what_no_list_gave_out_is_not_found(
    acme: Organization, browser: Callable[..., Client], path: str
) -> None:
    assert browser(acme).get(path).status_code == 404


def test_what_the_database_cannot_hold_breaks_nothing(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)
    assert client.get("/gallery?end_user_id=%00").status_code == 400
    assert client.post("/organizations/choose", {"organization": "\x00"}).status_code == 404
    assert client.post("/organizations/new", {"name": "\x00"}).status_code == 400
    assert client.post("/create", {"prompt": "\x00", "do": "update"}).status_code == 200
    assert client.post("/create", {"prompt": "\x00", "do": "make"}).status_code == 400


@pytest.mark.parametrize("path", ["/live?seen=gen_1:running", "/generations/gen_1/live"])
def test_a_part_asked_for_after_signing_out_loads_the_whole_page(db: None, path: str) -> None:
    signed_out = Client().get(path, headers={"HX-Request": "true"})
    assert signed_out.headers["HX-Refresh"] == "true"


def test_a_part_of_what_is_gone_loads_the_whole_page(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    gone = browser(acme).get("/generations/gen_1/live", headers={"HX-Request": "true"})
    assert gone.headers["HX-Refresh"] == "true"


def test_a_part_and_its_page_are_kept_apart_by_caches(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    answer = browser(acme).get("/gallery")
    assert "HX-Request" in answer.headers["Vary"]
    assert answer.headers["Cache-Control"] == "private, no-cache"
