"""A create costs the database five messages, of which the last before COMMIT takes the lock."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from billing import budgets
from billing.models import BudgetRefusal
from generations import catalog, offers, rate_cards
from tests.generations.steps import BODY, IMAGE
from tests.world import Api


def kinds(queries: CaptureQueriesContext) -> list[str]:
    words = {
        'FROM "accounts_apikey"': "key",
        'FROM "generations_quote"': "quote",
        "billing_place_holds": "hold",
        "billing_budgetrefusal": "note",
        "INSERT": "rows",
    }
    return [
        next((name for word, name in words.items() if word in query["sql"]), query["sql"])
        for query in queries
    ]


@pytest.fixture
def prices_are_known(db: None) -> None:
    """As in a process that has served a request in the last half minute."""
    rate_cards.list_card(timezone.now())
    offers.of(catalog.MODELS[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("prices_are_known")
@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"num_generations": 4},
        {"model": IMAGE, "image_url": "https://acme.example/kite.jpg", "num_generations": 4},
    ],
)
def test_a_create_takes_five_round_trips(
    api: Api, key: str | None, fields: dict[str, object]
) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = api.post("/generations", {**BODY, **fields}, key=key)

    assert response.status_code == 201
    assert kinds(queries) == ["key", "BEGIN", "rows", "hold", "COMMIT"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("prices_are_known")
def test_a_quote_costs_one_read_more(api: Api) -> None:
    quote = api.post("/quotes", BODY).json()["id"]

    with CaptureQueriesContext(connection) as queries:
        response = api.post("/generations", {**BODY, "quote_id": quote})

    assert response.status_code == 201
    assert kinds(queries) == ["key", "quote", "BEGIN", "rows", "hold", "COMMIT"]


@pytest.mark.django_db(transaction=True)
def test_a_refusal_for_money_ends_with_the_hold(api: Api) -> None:
    body = {**BODY, "duration": 15, "num_generations": 4}  # up to $6.774 of the $25.00
    for _ in range(3):
        api.post("/generations", body)

    with CaptureQueriesContext(connection) as queries:
        response = api.post("/generations", body)

    assert response.status_code == 402
    assert kinds(queries) == ["key", "BEGIN", "rows", "hold", "ROLLBACK"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("prices_are_known")
def test_a_refusal_by_a_budget_is_noted_after_it(acme: Organization, api: Api) -> None:
    budgets.set_limit(acme, "api_key", "*", limit_microusd=0, period="day")

    with CaptureQueriesContext(connection) as queries:
        response = api.post("/generations", BODY)

    assert response.status_code == 402
    assert kinds(queries) == ["key", "BEGIN", "rows", "hold", "ROLLBACK", "note"]
    assert BudgetRefusal.objects.get().api_key_id == acme.api_keys.get().pk
