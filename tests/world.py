"""The small known world: acme is ours, rival is the stranger. Only the wire is faked."""

import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from accounts import api_keys, mails, organizations, people
from accounts.models import Organization, Role, User
from billing import balances, checking_rows, checking_stripe, ledger
from billing.checking import differences
from billing.checking_books import Books
from billing.models import Grant
from tests.contract import ApiClient

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

    Answer = _MonkeyPatchedWSGIResponse  # what a test client gives

_IS_ANY_ROW_WRONG = "SELECT " + " OR ".join(
    f"EXISTS ({query})" for _, query in (*checking_rows.CHECKS, *checking_stripe.CHECKS)
)
PASSWORD = "correct horse battery staple"
_number = itertools.count(1)


def make_user(email: str | None = None) -> User:
    email = email or f"person{next(_number)}@example.com"
    user = User.objects.create_user(email, PASSWORD, name=email.split("@")[0].title())
    people.confirm_address(user)
    return user


def deposit(organization: Organization, usd: str, **fields: Any) -> Grant:
    fields = {
        "kind": Grant.Kind.PURCHASED,
        "reference": f"purchase:{next(_number)}",
        **fields,
    }
    return ledger.deposit(organization, amount_microusd=int(Decimal(usd) * 1_000_000), **fields)


def money(organization: Organization) -> tuple[int, int]:
    """(available, held) in micro-dollars."""
    balance = balances.of(organization)
    return balance.available_microusd, balance.held_microusd


class Api:
    """A program that holds one key."""

    def __init__(self, secret: str) -> None:
        self.client = ApiClient(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, **params: Any) -> "Answer":
        return self.client.get(f"/api/v1{path}", params, headers=self.headers)

    def post(
        self, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> "Answer":
        data = body if isinstance(body, bytes | str) else json.dumps(body or {})
        sent = {**self.headers, **headers, **({"Idempotency-Key": key} if key else {})}
        return self.client.post(
            f"/api/v1{path}", data, content_type="application/json", headers=sent
        )


@pytest.fixture
def make_organization(db: None) -> Callable[..., Organization]:
    def make(name: str = "Acme", *, credits_usd: str = "25.00") -> Organization:
        organization = organizations.create(name, owner=make_user())
        if Decimal(credits_usd):
            deposit(organization, credits_usd)
        return organization

    return make


@pytest.fixture
def acme(make_organization: Callable[..., Organization]) -> Organization:
    """Ours, with $25.00."""
    return make_organization("Acme")


@pytest.fixture
def rival(make_organization: Callable[..., Organization]) -> Organization:
    """The stranger, with $5.00."""
    return make_organization("Rival", credits_usd="5.00")


@pytest.fixture
def api_for(db: None) -> Callable[[Organization], Api]:
    def make(organization: Organization) -> Api:
        _, secret = api_keys.issue(organization, "test")
        # Its first use is noted, and the next minute's are not.
        api_keys.find(secret, address="127.0.0.1")
        return Api(secret)

    return make


@pytest.fixture
def member_of(db: None) -> Callable[..., User]:
    def make(organization: Organization, role: Role = Role.OWNER) -> User:
        user = make_user()
        organizations.add_member(organization, user, role)
        return user

    return make


@pytest.fixture
def page_for(db: None) -> Callable[[User], Client]:
    def make(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return make


@pytest.fixture(autouse=True)
def books_prove_themselves(request: pytest.FixtureRequest) -> Any:
    """At the end of every test that touched the database, the ledger must add up."""
    database = next(
        (name for name in ("transactional_db", "db") if name in request.fixturenames), None
    )
    if database is None or request.node.get_closest_marker("tampers"):
        yield
        return
    request.getfixturevalue(database)  # so that it is still there when the test is over
    yield
    assert proved_differences() == []


def proved_differences() -> list[str]:
    """`differences`, asked for only when there are some: of the rows by one question for all checks together."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_IS_ANY_ROW_WRONG)
            (is_wrong,) = cursor.fetchone()
        is_wrong = is_wrong or any(Books().differences())
    return differences() if is_wrong else []


@pytest.fixture
def run_queue(db: None) -> Callable[[], int]:
    """Run every task that waits, oldest first, and what these enqueue; how many ran. Then mails go out."""

    def run() -> int:
        ran = 0
        while row := OrmQ.objects.order_by("id").first():
            task = SignedPackage.loads(row.payload)
            OrmQ.objects.filter(pk=row.pk).delete()
            import_string(task["func"])(*task["args"])
            ran += 1
        mails.run()
        return ran

    return run
