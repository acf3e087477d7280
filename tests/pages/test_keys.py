"""People make keys, see who uses them from where, rotate and revoke them; a secret is shown once."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_keys
from accounts.key_terms import Terms
from accounts.models import ApiKey, AuditEntry, Organization, Role, User
from billing import budgets
from billing.models import Budget
from generations import lifecycle, requests
from generations.models import Generation
from tests.generations.steps import BODY
from tests.pages.conftest import text
from tests.world import Api

Browser = Callable[..., Client]
PageFor = Callable[[User], Client]
SECRET = re.compile(r"sd_live_[0-9a-f]{48}")


@contextmanager
def at_most_queries(number: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as queries:
        yield
    assert len(queries) <= number, "\n".join(query["sql"][:200] for query in queries)


def token_of(client: Client) -> str:
    page = client.get("/keys/new").content.decode()
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    return found[1]


def filled(client: Client, **fields: object) -> dict[str, object]:
    return {
        "token": token_of(client),
        "name": "Storefront",
        "access": "some",
        "scopes": ["billing:read"],
        "period": "month",
        **fields,
    }


def test_a_new_keys_secret_is_in_one_answer_and_nowhere_else(
    acme: Organization, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    client = browser(acme)

    made = client.post("/keys/new", filled(client))

    assert made.status_code == 201
    assert {"no-store", "private"} <= set(made.headers["Cache-Control"].split(", "))
    (secret,) = set(SECRET.findall(made.content.decode()))
    key = ApiKey.objects.get()
    assert api_keys.find(secret) == key
    assert f"export SEEDANCE_API_KEY={secret}" in made.content.decode()
    assert "/api/v1/balance" in made.content.decode()
    assert Api(secret).get("/balance").status_code == 200
    for path in ("/keys", f"/keys/{key.id}", f"/keys/{key.id}/edit", f"/keys/{key.id}/rotate"):
        assert secret not in client.get(path).content.decode()
    assert secret not in "".join(session.session_data for session in Session.objects.all())
    assert secret[12:] not in str(list(AuditEntry.objects.values()))
    assert secret[12:] not in caplog.text


def test_a_form_that_is_sent_twice_makes_one_key(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    form = filled(client)
    assert client.post("/keys/new", form).status_code == 201

    again = client.post("/keys/new", form, follow=True)

    assert "This key was made already" in text(again)
    assert not SECRET.search(again.content.decode())
    assert ApiKey.objects.count() == 1


def test_a_token_that_we_did_not_give_makes_nothing(acme: Organization, browser: Browser) -> None:
    client = browser(acme)
    form = filled(client) | {"token": "key_" + "0" * 32 + ":forged"}

    refused = client.post("/keys/new", form)

    assert refused.status_code == 400
    assert "Look at it once more, and send it." in text(refused)
    assert not ApiKey.objects.exists()


def test_all_that_limits_a_key_is_kept(acme: Organization, browser: Browser) -> None:
    client = browser(acme)

    made = client.post(
        "/keys/new",
        filled(
            client,
            expires_on="2126-06-01",
            allowed_addresses="203.0.113.7\n2001:db8::/32",
            allowed_models=["seedance-2.0-fast-text-to-video"],
            allowed_resolutions=["480p"],
            concurrent_max="3",
            limit_usd="$1,000.50",
            period="day",
        ),
    )

    assert made.status_code == 201
    key = ApiKey.objects.get()
    assert key.expires_at
    assert key.expires_at.isoformat() == "2126-06-01T00:00:00+00:00"
    assert key.scopes == ["billing:read"]
    assert key.allowed_addresses == ["203.0.113.7/32", "2001:db8::/32"]
    assert key.allowed_models == ["seedance-2.0-fast-text-to-video"]
    assert (key.allowed_resolutions, key.concurrent_max) == (["480p"], 3)
    budget = Budget.objects.get()
    assert (budget.subject_id, budget.limit_microusd, budget.period) == (
        key.id,
        1_000_500_000,
        "day",
    )
    page = text(client.get(f"/keys/{key.id}"))
    for words in ("203.0.113.7/32, 2001:db8::/32", "Text to video, fast", "480p", "$1,000.50"):
        assert words in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " "}, "This field is required"),
        ({"scopes": []}, "Choose at least one, or let it do everything."),
        ({"allowed_addresses": "10.0.0.1/8"}, "did you mean 10.0.0.0/8?"),
        ({"expires_on": "2020-01-01"}, "The day must be in the future."),
        ({"limit_usd": "much"}, "The budget must be dollars"),
        ({"concurrent_max": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_fault_stands_beside_its_field_and_what_was_typed_stays(
    acme: Organization, browser: Browser, fields: dict[str, object], words: str
) -> None:
    client = browser(acme)
    typed = {"allowed_addresses": "203.0.113.7", **fields}

    answer = client.post("/keys/new", filled(client, **typed))

    assert answer.status_code == 400
    page = text(answer)
    assert words in page
    assert str(typed["allowed_addresses"]) in page
    assert not ApiKey.objects.exists()


def test_a_developer_gives_a_key_no_budget(acme: Organization, browser: Browser) -> None:
    client = browser(acme, Role.DEVELOPER)

    assert "Budget in dollars" not in text(client.get("/keys/new"))
    wanted = filled(client, limit_usd="5", scopes=["generations:write"])
    assert client.post("/keys/new", wanted).status_code == 201

    assert ApiKey.objects.exists()
    assert not Budget.objects.exists()


def test_a_developers_key_is_personal_whatever_the_form_says(
    acme: Organization, browser: Browser
) -> None:
    client = browser(acme, Role.DEVELOPER)

    page = text(client.get("/keys/new"))
    assert "what it spends counts on your budget" in page
    assert 'name="kind"' not in page
    assert "billing:read" not in page
    refused = client.post("/keys/new", filled(client))  # billing:read is not of their role
    made = client.post(
        "/keys/new", filled(client, scopes=["generations:write"], kind="organization")
    )

    assert (refused.status_code, made.status_code) == (400, 201)
    key = ApiKey.objects.get()
    assert key.member
    assert key.member.user == key.created_by
    assert f"personal, of {key.created_by}" in text(client.get("/keys"))


def test_the_first_call_is_one_that_the_members_role_allows(
    acme: Organization, browser: Browser
) -> None:
    client = browser(acme, Role.DEVELOPER)
    assert "/api/v1/models" in text(client.get("/keys"))  # before there is one
    made = client.post("/keys/new", filled(client, access="all", scopes=[]))
    assert "/api/v1/models" in text(made)
    assert "/api/v1/models" in text(client.get("/keys"))
    acme.memberships.filter(role=Role.DEVELOPER).update(role=Role.VIEWER)

    assert "Cannot spend: its member makes no videos" in text(browser(acme).get("/keys"))


def test_who_sets_budgets_makes_keys_of_the_organization_unless_they_say_otherwise(
    acme: Organization, browser: Browser
) -> None:
    client = browser(acme, Role.ADMIN)
    assert 'value="organization" checked' in text(client.get("/keys/new"))

    client.post("/keys/new", filled(client))
    client.post("/keys/new", filled(client, kind="personal"))

    ours, mine = ApiKey.objects.order_by("id")
    assert (ours.is_personal, mine.is_personal) == (False, True)
    assert "the organization" in text(client.get(f"/keys/{ours.id}"))
    assert "on their budget, too, and until they leave" in text(client.get(f"/keys/{mine.id}"))


def test_nobody_gets_at_a_key_that_is_not_theirs_but_everybody_stops_a_leak(
    acme: Organization, browser: Browser, member_of: Callable[..., User], page_for: PageFor
) -> None:
    bo, cy = member_of(acme, Role.DEVELOPER), member_of(acme, Role.DEVELOPER)
    of_cy = acme.memberships.get(user=cy)
    ours, secret = api_keys.issue(acme, "backend")
    theirs, their_secret = api_keys.issue(acme, "of cy", member=of_cy, by=cy)

    for client, key in (
        (page_for(bo), ours),
        (page_for(bo), theirs),
        (browser(acme, Role.ADMIN), theirs),
    ):
        for path in ("edit", "rotate"):
            assert client.get(f"/keys/{key.id}/{path}").status_code == 403
        form = {"name": "x", "access": "all", "overlap_seconds": "0"}
        for path in ("edit", "rotate"):
            assert client.post(f"/keys/{key.id}/{path}", form).status_code == 403
        assert f"/keys/{key.id}/rotate" not in text(client.get("/keys"))
        assert f"/keys/{key.id}/edit" not in text(client.get(f"/keys/{key.id}"))
    assert page_for(bo).post(f"/keys/{theirs.id}/give").status_code == 403
    assert (api_keys.find(secret), api_keys.find(their_secret)) == (ours, theirs)
    assert not AuditEntry.objects.filter(action__in=("api_key.changed", "api_key.rotated")).exists()

    assert page_for(bo).post(f"/keys/{ours.id}/revoke", {"do": "revoke"}).status_code == 303
    assert api_keys.find(secret) is None


def test_an_admin_gives_a_personal_key_to_the_organization(
    acme: Organization, browser: Browser, member_of: Callable[..., User]
) -> None:
    bo = member_of(acme, Role.DEVELOPER)
    key, _ = api_keys.issue(acme, "scripts", member=acme.memberships.get(user=bo), by=bo)
    client = browser(acme, Role.ADMIN)
    assert "Give it to the organization" in text(client.get(f"/keys/{key.id}"))

    said = client.post(f"/keys/{key.id}/give", follow=True)

    assert "scripts is a key of the organization now." in text(said)
    assert "Give it to the organization" not in text(said)
    key.refresh_from_db()
    assert key.member is None
    assert client.get(f"/keys/{key.id}/rotate").status_code == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_keys_are_for_those_who_keep_them(acme: Organization, browser: Browser, role: Role) -> None:
    key, secret = api_keys.issue(acme, "server")
    client = browser(acme, role)

    for path in (
        "",
        "/new",
        f"/{key.id}",
        f"/{key.id}/edit",
        f"/{key.id}/rotate",
        f"/{key.id}/revoke",
    ):
        assert client.get(f"/keys{path}").status_code == 403
    for path in ("edit", "rotate", "revoke", "end-overlap"):
        assert client.post(f"/keys/{key.id}/{path}", {"overlap_seconds": "0"}).status_code == 403
    assert api_keys.find(secret) == key


def test_a_strangers_key_is_not_there(
    acme: Organization, rival: Organization, browser: Browser
) -> None:
    theirs, secret = api_keys.issue(rival, "theirs")
    client = browser(acme)

    for path in ("", "/edit", "/rotate", "/revoke"):
        assert client.get(f"/keys/{theirs.id}{path}").status_code == 404
    for path in ("edit", "rotate", "revoke", "end-overlap"):
        assert client.post(f"/keys/{theirs.id}/{path}", {"overlap_seconds": "0"}).status_code == 404
    assert "theirs" not in text(client.get("/keys"))
    assert api_keys.find(secret) == theirs


def test_a_change_counts_from_the_next_request_on(acme: Organization, browser: Browser) -> None:
    key, secret = api_keys.issue(acme, "server")
    assert Api(secret).get("/balance").status_code == 200
    client = browser(acme)

    changed = client.post(
        f"/keys/{key.id}/edit",
        {"name": "Renamed", "access": "some", "scopes": ["generations:read"]},
        follow=True,
    )

    assert "Renamed is changed, from its next request on." in text(changed)
    assert Api(secret).get("/balance").status_code == 403
    entry = AuditEntry.objects.get(action="api_key.changed")
    assert entry.before == {"scopes": None}
    assert entry.after == {"scopes": ["generations:read"], "is_renamed": True}


def test_saving_an_unchanged_form_changes_nothing(acme: Organization, browser: Browser) -> None:
    terms = Terms(
        scopes=("generations:read",),
        allowed_addresses=("203.0.113.7/32",),
        allowed_resolutions=("480p",),
        concurrent_max=2,
        expires_at=timezone.now() + timedelta(days=30),
    )
    key, _ = api_keys.issue(acme, "server", terms)
    client = browser(acme)
    page = client.get(f"/keys/{key.id}/edit").content.decode()
    assert "203.0.113.7/32" in page
    assert key.expires_at

    client.post(
        f"/keys/{key.id}/edit",
        {
            "name": "server",
            "access": "some",
            "scopes": ["generations:read"],
            "expires_on": key.expires_at.date().isoformat(),
            "allowed_addresses": "203.0.113.7/32",
            "allowed_resolutions": ["480p"],
            "concurrent_max": "2",
        },
    )

    assert not AuditEntry.objects.filter(action="api_key.changed").exists()


def test_a_rotation_shows_the_new_secret_once_and_says_when_the_old_one_ends(
    acme: Organization, browser: Browser
) -> None:
    key, old = api_keys.issue(acme, "server")
    client = browser(acme)
    assert "in 24 hours" in text(client.get(f"/keys/{key.id}/rotate"))

    rotated = client.post(f"/keys/{key.id}/rotate", {"overlap_seconds": "3600"})
    again = client.post(f"/keys/{key.id}/rotate", {"overlap_seconds": "3600"}, follow=True)

    assert rotated.status_code == 201
    assert "no-store" in rotated.headers["Cache-Control"]
    new = set(SECRET.findall(rotated.content.decode())).pop()
    assert f"{old[:12]}…</span> works until" in text(rotated)
    assert "was rotated just now" in text(again)
    assert not SECRET.search(again.content.decode())
    assert api_keys.find(old) == api_keys.find(new) == key
    assert "End the old secret now" in text(client.get(f"/keys/{key.id}/rotate"))

    client.post(f"/keys/{key.id}/end-overlap")

    assert api_keys.find(old) is None
    assert api_keys.find(new) == key


@pytest.mark.parametrize("seconds", ["", "7", "x", "-1"])
def test_an_overlap_that_is_not_offered_rotates_nothing(
    acme: Organization, browser: Browser, seconds: str
) -> None:
    key, old = api_keys.issue(acme, "server")

    answer = browser(acme).post(f"/keys/{key.id}/rotate", {"overlap_seconds": seconds})

    assert answer.status_code == 400
    assert "Choose when the old secret ends." in text(answer)
    assert api_keys.find(old) == key


def made_by(key: ApiKey, *, n: int = 1) -> list[Generation]:
    return [
        lifecycle.create_generations(key.organization, requests.read(BODY), api_key=key)[0]
        for _ in range(n)
    ]


def test_a_revocation_says_in_numbers_what_it_does(acme: Organization, browser: Browser) -> None:
    key, secret = api_keys.issue(acme, "server")
    other, _ = api_keys.issue(acme, "other")
    made = made_by(key, n=2)
    made_by(other)
    client = browser(acme)

    asked = text(client.get(f"/keys/{key.id}/revoke"))

    assert "Requests in 24 h</dt> <dd>2</dd>" in asked
    assert "<dt>Running</dt> <dd>2" in asked
    assert "the 2 generations that it has running" in asked
    assert api_keys.find(secret) == key  # to look changes nothing

    done = client.post(f"/keys/{key.id}/revoke", {"do": "revoke"}, follow=True)

    assert "server opens nothing any more. 2 generations are ending as usual." in text(done)
    assert api_keys.find(secret) is None
    assert {one.state for one in Generation.objects.filter(pk__in=[g.pk for g in made])} == {
        "queued"
    }
    assert ApiKey.objects.get(name="other").revoked_at is None


def test_a_leaked_key_is_revoked_and_all_it_runs_is_canceled(
    acme: Organization,
    browser: Browser,
    run_queue: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, secret = api_keys.issue(acme, "server")
    other, _ = api_keys.issue(acme, "other")
    made_by(key, n=3)
    kept = made_by(other)[0]
    client = browser(acme)

    done = client.post(f"/keys/{key.id}/revoke", {"do": "cancel"}, follow=True)
    late = made_by(key)[0]  # it was under way when the key was revoked

    assert "server opens nothing any more. 3 generations are being canceled" in text(done)
    assert api_keys.find(secret) is None
    monkeypatch.setattr("generations.dispatch.dispatch", lambda: None)
    run_queue()
    states = {one.id: one.state for one in Generation.objects.all()}
    assert states.pop(kept.id) == "queued"
    assert set(states.values()) == {"canceled"}
    late.refresh_from_db()
    assert late.charged_microusd == 0
    entry = AuditEntry.objects.get(action="api_key.work_canceled")
    assert (entry.target, entry.after) == (key.id, {"generations": 3})


def test_one_sees_from_where_a_key_was_used_and_what_it_made(
    acme: Organization, rival: Organization, browser: Browser
) -> None:
    key, secret = api_keys.issue(acme, "server", Terms(allowed_addresses=("203.0.113.0/24",)))
    api_keys.find(secret, address="203.0.113.7")
    api_keys.find(secret, address="198.51.100.9")
    made_by(key)

    page = text(browser(acme).get(f"/keys/{key.id}"))

    assert "203.0.113.7" in page
    assert "198.51.100.9" in page
    assert "refused: not in its list" in page
    assert "a red kite" in page
    assert f"/api/v1/generations?api_key={key.id}" in page


@pytest.mark.parametrize("n", [3, 40])
def test_the_pages_ask_the_database_as_much_whatever_there_is(
    acme: Organization, browser: Browser, n: int
) -> None:
    keys = []
    for number in range(n):
        key, secret = api_keys.issue(acme, f"key {number}")
        api_keys.find(secret, address="203.0.113.7")
        budgets.set_limit(acme, "api_key", key.id, limit_microusd=90_000_000, period="month")
        api_keys.rotate(key, overlap_seconds=60)
        keys.append(key)
    made_by(key, n=min(n, 30))
    client = browser(acme)
    client.post("/organizations/choose", {"organization": acme.id})

    for path in ("/keys", f"/keys/{key.id}", f"/keys/{key.id}/revoke", f"/keys/{key.id}/rotate"):
        with at_most_queries(12):
            page = client.get(path)
        assert page.status_code == 200
        assert len(page.content) < 200_000


def test_long_lists_go_on(acme: Organization, browser: Browser) -> None:
    for number in range(51):
        key, _ = api_keys.issue(acme, f"key {number:02d}")
    made_by(key, n=26)
    client = browser(acme)

    first = text(client.get("/keys"))
    assert "key 50" in first
    assert "key 00<" not in first
    older = re.search(r'href="(/keys\?cursor=[^"]+)"', first)
    assert older
    assert "key 00<" in text(client.get(older[1]))

    page = text(client.get(f"/keys/{key.id}"))
    more = re.search(r'hx-get="([^"]+)"', page[page.index('id="more"') :])
    assert more
    piece = text(client.get(more[1], headers={"HX-Request": "true"}))
    assert piece.count("<tr") == 1
    assert "<html" not in piece


def test_the_first_call_is_one_that_a_key_may_make(acme: Organization, browser: Browser) -> None:
    api_keys.issue(acme, "Website")
    api_keys.issue(acme, "Deploy", Terms(scopes=("keys:write",)))  # the newest asks for nothing

    page = text(browser(acme).get("/keys"))

    assert "/api/v1/balance" in page
    assert "is the secret of Website" in page


def test_where_no_key_may_call_no_call_is_shown(acme: Organization, browser: Browser) -> None:
    api_keys.issue(acme, "Deploy", Terms(scopes=("keys:write",)))

    assert "Try it" not in text(browser(acme).get("/keys"))


def test_without_a_key_the_page_says_what_to_do_first(acme: Organization, browser: Browser) -> None:
    page = text(browser(acme).get("/keys"))

    assert "make the first one" in page
    assert "curl" in page
    assert 'href="/keys"' in page  # the navigation knows it
