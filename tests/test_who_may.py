"""Every address, with every method, as everybody: what happens is what `who_may.txt` says."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from accounts import api_keys
from accounts.models import ApiKey, Organization, Role
from billing.models import StripeCustomer
from tests import who_may
from tests.everything import World, sign_in
from tests.stripe_account import StripeAccount
from tests.who_may import METHODS, Line

ROLES = tuple(Role.values)
# What a form must have for its POST to find what it is about.
FORMS = {
    "/organizations/choose": {"organization": "{organization}"},
    "/end-users/forget?id={end_user}": {"do": "look"},
}
SCOPES = (
    "generations:read", "generations:write", "billing:read", "billing:write", "budgets:read", "budgets:write",
    "keys:read", "keys:write", "webhooks:read", "webhooks:write", "events:read",
)  # fmt: skip
OF_ALLAUTH = "/accounts/"
# What is noted of everybody who asks, whatever they are told.
NOTED = ('"django_session"', "accounts_apikey SET last_used", "seedance_saas_remembered")


@dataclass(frozen=True)
class Said:
    """An answer, in the word that matters here."""

    word: str  # yes, sign in, elsewhere, no, nothing there, no such method
    status: int
    wrote: list[str]


class Crowd:
    """Everybody who may come, each with one session or key."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clients = {name: self._signed_in(name) for name in (*ROLES, "stranger", "staff")}
        self.clients["signed out"] = Client(raise_request_exception=False)
        self.keys = {"no key": "", "a stranger's key": _key(world.rival, [])}
        self.keys |= {scope: _key(world.acme, [scope]) for scope in SCOPES}
        self.keys["any"] = _key(world.acme, [])

    def _signed_in(self, name: str) -> Client:
        return sign_in(Client(raise_request_exception=False), self.world.people[name])

    def ask(self, line: Line, method: str, who: str) -> Said:
        """One request, of which nothing stays."""
        path, wrote = line.path(self.world.names), list[str]()
        with _undone(), connection.execute_wrapper(_noting(wrote)):
            if line.is_of_the_api:
                secret = self.keys[who]
                headers = {"Authorization": f"Bearer {secret}"} if secret else {}
                answer = Client(raise_request_exception=False).generic(
                    method, path, "{}", "application/json", headers=headers
                )
            else:
                client = Client(raise_request_exception=False)
                client.cookies.load({k: m.value for k, m in self.clients[who].cookies.items()})
                form = FORMS.get(line.address, {})
                data = {name: text.format_map(self.world.names) for name, text in form.items()}
                body: dict[str, Any] = {"data": data} if method == "POST" else {}
                answer = getattr(client, method.lower())(path, **body)
        return Said(_word(answer), answer.status_code, wrote)


def _word(answer: Any) -> str:
    to = answer.headers.get("Location", "")
    if to.startswith("/accounts/login/?next="):
        return "sign in"
    if answer.status_code == 401 and answer["Content-Type"] == "application/json":
        return "sign in"
    if to.rstrip("/") in ("/organizations/new", f"/{settings.OPERATOR_PATH}"):
        return "elsewhere"
    return {403: "no", 404: "nothing there", 405: "no such method"}.get(answer.status_code, "yes")


@contextlib.contextmanager
def _undone() -> Iterator[None]:
    around = transaction.atomic()
    around._from_testcase = True  # type: ignore[attr-defined]  # as Django's own: no work is in it
    with around:
        yield
        transaction.set_rollback(True)
    cache.clear()


def _noting(wrote: list[str]) -> Callable[..., Any]:
    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        changes = sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE", "WITH"))
        if changes and not any(noted in sql for noted in NOTED):
            wrote.append(sql[:80])
        return execute(sql, params, many, context)

    return note


def _key(organization: Organization, scopes: list[str]) -> str:
    key, secret = api_keys.issue(organization, " ".join(scopes) or "any")
    ApiKey.objects.filter(pk=key.pk).update(scopes=scopes)
    return secret


@pytest.fixture
def crowd(world: World, stripe_account: StripeAccount) -> Crowd:
    StripeCustomer.objects.update(stripe_id=stripe_account.client.v1.customers.create().id)
    return Crowd(world)


def test_the_table_has_every_address_of_the_map_and_no_other(world: World) -> None:
    lines = who_may.read()[1]
    answers = [(line, who_may.route_of(line.path(world.names))) for line in lines]
    gone = [
        f"{line}: there is no such address; take the line out"
        for line, route in answers
        if route is None
    ]
    covered = {route for _, route in answers}
    missing = [
        f"{route!r}: say in {who_may.FILE.name} who may, with one line like"
        f" '/{route}    members may GET'"
        for route in who_may.routes()
        if route not in covered
    ]

    assert not [*gone, *missing], "\n".join([*gone, *missing])


@pytest.mark.thorough
@pytest.mark.parametrize("is_of_the_api", [False, True], ids=["people", "programs"])
def test_everybody_is_told_what_the_table_says(crowd: Crowd, is_of_the_api: bool) -> None:
    wrong = [
        complaint
        for line in who_may.read()[1]
        if line.is_of_the_api == is_of_the_api
        for method, who in line.may.items()
        for one in _whom_to_ask(crowd, line)
        if (complaint := _complaint(crowd, line, method, who, one))
    ]
    assert not wrong, "\n".join(wrong)


def _whom_to_ask(crowd: Crowd, line: Line) -> Iterable[str]:
    """Everybody; of many addresses that are guarded as one, those in whom they could differ."""
    if line.is_one_of_many:
        return ("staff", "owner", "signed out")
    return crowd.keys if line.is_of_the_api else crowd.clients


def _complaint(crowd: Crowd, line: Line, method: str, who: str, one: str) -> str:
    said = crowd.ask(line, method, one)
    good = _of_keys(line, who, one) if line.is_of_the_api else _of_people(line, who, one)
    if said.status == 500 or said.word not in good:
        return f"{line}: {one}, {method}: {said.word} ({said.status}), not {' or '.join(good)}"
    if said.word != "yes" and said.wrote:
        return f"{line}: {one}, {method}: refused, and yet it wrote {said.wrote}"
    return ""


def _of_keys(line: Line, scope: str, one: str) -> tuple[str, ...]:
    """What the key `one` is to be told where one with `scope` may."""
    if scope == "anybody":
        return ("yes",)
    assert scope in SCOPES, f"{line}: there is no scope {scope!r}"
    if one == "no key":
        return ("sign in",)
    if one == "a stranger's key":
        return ("nothing there",) if line.is_about_acme else ("yes",)
    return ("yes",) if one in ("any", scope) else ("no",)


def _of_people(line: Line, who: str, one: str) -> tuple[str, ...]:
    """What `one` is to be told where `who` may."""
    words = who_may.read()[0] | {role: frozenset({role}) for role in ROLES}
    assert who in words, f"{line}: who are {who!r}?"
    if who == "anybody" or (who == "people" and one != "signed out"):
        return ("yes",)
    if who == "holder" and one != "signed out":
        return ("yes",) if one == "owner" else ("nothing there",)
    if who == "invited":  # none of these
        return ("yes", "sign in") if one == "signed out" else ("no",)
    if who == "staff" and one == "staff":
        return ("yes", "no", "no such method") if line.is_one_of_many else ("yes",)
    if who == "staff":
        return ("nothing there",)
    if one == "signed out":
        return ("sign in", "no such method")
    if one == "staff":  # who belong to nobody
        return ("elsewhere", "nothing there")
    if one == "stranger":  # the owner of another organization
        return ("nothing there",) if line.is_about_acme or line.address in FORMS else ("yes",)
    return ("yes",) if one in words[who] else ("no",)


@pytest.mark.thorough
def test_no_other_method_does_anything(crowd: Crowd) -> None:
    wrong = []
    for line in who_may.read()[1]:
        may = _whoever_may(line)
        nobody = "no key" if line.is_of_the_api else "signed out"
        for method in METHODS:
            if method in line.may or (method == "HEAD" and "GET" in line.may):
                continue
            for one in (may, nobody):
                said = crowd.ask(line, method, one)
                good = said.word != "yes" and (one != may or said.status == 405)
                if method == "OPTIONS":
                    good |= said.status == 200
                if line.address.startswith(OF_ALLAUTH):
                    # There every method is GET, and PUT is POST, token and all.
                    good |= said.status in (200, 301, 302, 404)
                    said.wrote[:] = said.wrote if one == nobody else []
                if said.wrote or not good:
                    wrong.append(f"{line}: {one}, {method}: {said.status} {said.wrote}")
    assert not wrong, "\n".join(wrong)


def _whoever_may(line: Line) -> str:
    """Somebody who may do whatever there is to do at this address."""
    if line.is_of_the_api:
        return "any"
    return "staff" if "staff" in line.may.values() else "owner"
