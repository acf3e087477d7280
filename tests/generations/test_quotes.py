"""A quote binds us: the charge is never higher, whatever prices do until it expires."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import ApiKey, Organization
from billing import budgets
from billing.models import Budget
from generations import catalog, lifecycle, pricing, quotes, requests, tasks
from generations.errors import QuoteExpired
from generations.models import Generation, Quote
from seedance_saas.errors import Refusal
from tests.generations.steps import (
    BODY,
    DEPOSITED,
    HELD,
    IMAGE,
    Line,
    nothing_happened,
    refused,
)
from tests.prices import flat, publish
from tests.race import race
from tests.world import Api, money


def quoted(api: Api, **fields: Any) -> str:
    response = api.post("/quotes", {**BODY, **fields})
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


# -- asking ---------------------------------------------------------------------------------------


def test_a_quote_says_what_it_may_cost_and_holds_nothing(
    acme: Organization, api: Api, clock: time_machine.Traveller
) -> None:
    response = api.post("/quotes", {**BODY, "duration": "auto", "num_generations": 2})

    quote = response.json()
    assert response.status_code == 201
    created_at, expires_at = quote.pop("created_at"), quote.pop("expires_at")
    assert quote.pop("id").startswith("quo_")
    assert quote == {
        "object": "quote",
        "rate_card": "2026-05-28",
        "rule": "fast 480p",
        "rate_usd_per_second": "0.1129",
        "max_seconds": 15,
        "num_generations": 2,
        "max_cost_usd": "3.3870",
        "min_cost_usd": "0.9032",
        "affordable": True,
        "limits": [],
    }
    row = Quote.objects.get()
    assert row.expires_at - row.created_at == timedelta(minutes=15)
    assert (created_at[:10], expires_at[-1]) == (row.created_at.isoformat()[:10], "Z")
    nothing_happened(acme)


def test_a_quote_is_refused_as_its_generation_would_be(acme: Organization, api: Api) -> None:
    refused(api.post("/quotes", {**BODY, "duration": 3}), 400, "invalid_request", "duration")
    refused(api.post("/quotes", {**BODY, "colour": "red"}), 400, "unknown_field", "colour")
    refused(api.post("/quotes", {**BODY, "quote_id": "quo_1"}), 400, "invalid_request", "quote_id")

    assert not Quote.objects.exists()


def test_what_was_asked_for_cannot_be_read_in_a_quote(api: Api) -> None:
    quoted(api, end_user_id="ann@customer.example")

    row = str(Quote.objects.values().get())
    assert "kite" not in row
    assert "ann" not in row


@pytest.mark.parametrize(
    ("credits_usd", "affordable"), [("0.4516", True), ("0.4515", False), ("0", False)]
)
def test_a_quote_is_affordable_when_the_credits_admit_it(
    make_organization: Any, api_for: Any, credits_usd: str, affordable: bool
) -> None:
    organization = make_organization(credits_usd=credits_usd)

    response = api_for(organization).post("/quotes", BODY)

    assert (response.status_code, response.json()["affordable"]) == (201, affordable)


@pytest.mark.parametrize(("limit_microusd", "affordable"), [(451_600, True), (451_599, False)])
@pytest.mark.parametrize("scope", ["organization", "api_key", "end_user"])
def test_a_quote_is_affordable_when_every_budget_admits_it(
    acme: Organization, api: Api, scope: str, limit_microusd: int, affordable: bool
) -> None:
    subject = {
        "organization": acme.id,
        "api_key": ApiKey.objects.get(organization=acme).id,
        "end_user": "ann",
    }[scope]
    budgets.set_limit(
        acme, scope, subject, limit_microusd=limit_microusd, period=Budget.Period.LIFETIME
    )

    quote = api.post("/quotes", {**BODY, "end_user_id": "ann"}).json()
    created = api.post("/generations", {**BODY, "end_user_id": "ann", "quote_id": quote["id"]})

    assert quote["affordable"] == affordable
    assert quote["limits"] == [
        {
            "object": "budget",
            "scope": scope,
            "id": subject,
            "period": "lifetime",
            "limit_usd": "0.4516" if affordable else "0.451599",
            "spent_usd": "0.0000",
            "held_usd": "0.0000",
            "left_usd": "0.4516" if affordable else "0.451599",
            "resets_at": None,
        }
    ]
    assert created.status_code == (201 if affordable else 402)


def test_a_repeat_under_the_same_key_gives_the_first_quote(api: Api) -> None:
    first = api.post("/quotes", BODY, key="k1")
    again = api.post("/quotes", BODY, key="k1")

    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Quote.objects.count() == 1


# -- using ----------------------------------------------------------------------------------------


def test_a_generation_keeps_its_quote_to_the_receipt(api: Api) -> None:
    quote = quoted(api)

    created = api.post("/generations", {**BODY, "quote_id": quote}).json()

    read = api.get(f"/generations/{created['id']}").json()
    receipt = api.get(f"/generations/{created['id']}/receipt").json()
    assert [created["price"]["quote_id"], read["price"]["quote_id"], receipt["quote_id"]] == [
        quote
    ] * 3
    assert Generation.objects.get().quote_id == quote


@pytest.mark.parametrize("rate", [50_000, 900_000])
def test_prices_that_move_between_quote_and_create_change_nothing(line: Line, rate: int) -> None:
    quote = quoted(line.api)
    publish(flat("2026-12", rate), line.clock)

    generation = line.running(quote_id=quote)
    line.upstream.finish(line.upstream.job)
    line.reconcile()
    line.sweep()

    line.charged(generation, HELD)
    generation = line.now(generation)
    assert (generation.rate_card, generation.rule) == ("2026-05-28", "fast 480p")
    assert line.create().held_microusd == 4 * rate


def test_a_quote_is_used_as_often_as_one_likes(acme: Organization, api: Api) -> None:
    quote = quoted(api)

    for _ in range(3):
        assert api.post("/generations", {**BODY, "quote_id": quote}).status_code == 201

    assert money(acme) == (DEPOSITED - 3 * HELD, 3 * HELD)


def test_the_same_request_in_other_words_is_the_same(api: Api) -> None:
    quote = quoted(api)
    body = {
        **BODY,
        "model": "bytedance/seedance-2.0/fast/text-to-video",
        "duration": "4",
        "aspect_ratio": "auto",
        "generate_audio": True,
        "num_generations": 1,
        "metadata": {"order": "7"},
        "max_cost_usd": "0.4516",
    }

    assert api.post("/generations", {**body, "quote_id": quote}).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", "a blue kite over a beach"),
        ("resolution", "720p"),
        ("duration", 5),
        ("duration", "auto"),
        ("aspect_ratio", "16:9"),
        ("generate_audio", False),
        ("seed", 0),
        ("end_user_id", "ann"),
        ("num_generations", 2),
        ("model", "seedance-2.0-text-to-video"),
    ],
)
def test_another_request_is_a_mismatch(
    acme: Organization, api: Api, field: str, value: object
) -> None:
    body = {**BODY, "quote_id": quoted(api), field: value}

    error = refused(api.post("/generations", body), 409, "quote_mismatch", "quote_id")

    assert error["details"] == {"differs": [field]}
    nothing_happened(acme)


def test_another_file_is_a_mismatch(acme: Organization, api: Api) -> None:
    fields = {"model": IMAGE, "image_url": "https://acme.example/kite.jpg"}
    body = {**BODY, **fields, "quote_id": quoted(api, **fields)}

    body["image_url"] = "https://acme.example/dog.jpg"
    error = refused(api.post("/generations", body), 409, "quote_mismatch", "quote_id")

    assert error["details"] == {"differs": ["image_url"]}
    nothing_happened(acme)


def test_a_quote_binds_for_a_quarter_of_an_hour(api: Api, clock: time_machine.Traveller) -> None:
    quote = quoted(api)

    clock.shift(timedelta(minutes=15) - timedelta(seconds=5))
    assert api.post("/generations", {**BODY, "quote_id": quote}).status_code == 201
    clock.shift(5)
    error = refused(
        api.post("/generations", {**BODY, "quote_id": quote}), 409, "quote_expired", "quote_id"
    )

    assert error["details"]["expires_at"].endswith("Z")
    assert Generation.objects.count() == 1


def test_a_quote_binds_to_the_microsecond_before_its_end(acme: Organization, api: Api) -> None:
    quote = Quote.objects.get(pk=quoted(api))
    request = requests.read({**BODY, "quote_id": quote.id})

    last = quote.expires_at - timedelta(microseconds=1)
    assert quotes.bound(acme, request, last) == quote
    with pytest.raises(QuoteExpired):
        quotes.bound(acme, request, quote.expires_at)


def test_a_strangers_quote_is_as_unknown_as_one_that_never_was(
    acme: Organization, rival: Organization, api: Api, api_for: Any
) -> None:
    theirs = quoted(api_for(rival))

    answers = [
        refused(api.post("/generations", {**BODY, "quote_id": id}), 404, "not_found", "quote_id")
        for id in (theirs, "quo_nothing", "ÿ")
    ]

    assert len({(answer["message"], str(answer["details"])) for answer in answers}) == 1
    nothing_happened(acme)


@pytest.mark.parametrize("quote_id", [7, "", ["quo_1"], "q" * 256])
def test_what_cannot_be_a_quote_is_refused(acme: Organization, api: Api, quote_id: Any) -> None:
    refused(
        api.post("/generations", {**BODY, "quote_id": quote_id}), 400, "invalid_request", "quote_id"
    )

    nothing_happened(acme)


def test_a_ceiling_holds_beside_a_quote(acme: Organization, api: Api) -> None:
    body = {**BODY, "quote_id": quoted(api), "max_cost_usd": "0.4515"}

    refused(api.post("/generations", body), 402, "max_cost_exceeded", "max_cost_usd")

    nothing_happened(acme)


def test_a_replay_outlives_its_quote(
    acme: Organization, api: Api, clock: time_machine.Traveller
) -> None:
    body = {**BODY, "quote_id": quoted(api)}
    first = api.post("/generations", body, key="k1")
    clock.shift(timedelta(hours=1))

    again = api.post("/generations", body, key="k1")

    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert money(acme) == (DEPOSITED - HELD, HELD)


@pytest.mark.django_db(transaction=True)
def test_uses_at_once_are_held_one_by_one(make_organization: Any) -> None:
    organization = make_organization(credits_usd="1.00")
    quote = quotes.of(organization, requests.read(BODY))
    quotes.keep(quote)
    wanted = requests.read({**BODY, "quote_id": quote.id})

    outcomes = race([lambda: lifecycle.create_generations(organization, wanted)] * 6)

    refusals = [one.code for one in outcomes if isinstance(one, Refusal)]
    assert refusals == ["insufficient_credits"] * 4
    assert Generation.objects.filter(quote=quote).count() == 2
    assert money(organization) == (1_000_000 - 2 * HELD, 2 * HELD)


@given(
    rate=st.integers(1, 10**7),
    asked_seconds=st.none() | st.integers(4, 15),
    milliseconds=st.integers(1, 10**7),
    count=st.integers(1, 4),
)
def test_a_charge_is_never_above_its_quote(
    rate: int, asked_seconds: int | None, milliseconds: int, count: int
) -> None:
    quote = pricing.quote(
        flat("x", rate), catalog.MODELS[0], resolution="720p", duration_seconds=asked_seconds
    )

    seconds = pricing.billable_seconds(milliseconds, held_seconds=quote.max_seconds)

    assert count * seconds * quote.rate_microusd_per_second <= count * quote.max_cost_microusd


@pytest.mark.parametrize("seconds", [4, 6, 30])
def test_a_video_longer_than_quoted_is_charged_as_quoted(line: Line, seconds: int) -> None:
    quote = quoted(line.api)
    generation = line.running(quote_id=quote)
    line.upstream.finish(line.upstream.job, seconds=seconds)
    line.reconcile()
    line.sweep()

    line.charged(generation, HELD)


# -- forgetting -----------------------------------------------------------------------------------


def test_quotes_that_were_used_stay_and_the_others_go(
    api: Api, clock: time_machine.Traveller
) -> None:
    used, unused = quoted(api), quoted(api)
    api.post("/generations", {**BODY, "quote_id": used})
    clock.shift(timedelta(hours=24, minutes=14))
    tasks.forget_quotes()
    assert Quote.objects.filter(pk=unused).exists()

    clock.shift(timedelta(minutes=2))
    tasks.forget_quotes()

    assert list(Quote.objects.values_list("pk", flat=True)) == [used]
