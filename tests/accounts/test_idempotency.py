"""The same Idempotency-Key and body do the work once; a refusal may be tried again."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts import idempotency, tasks
from accounts.models import IdempotencyRecord, Organization
from generations.models import Generation
from tests.race import race
from tests.world import Api, deposit, money

MakeApi = Callable[[Organization], Api]
BODY: dict[str, Any] = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": "a red kite over a beach",
    "resolution": "480p",
    "duration": 4,
}


def test_a_repeat_gives_the_first_answer_again(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)
    first = api.post("/generations", BODY, key="k1")
    second = api.post("/generations", dict(reversed(BODY.items())), key="k1")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == f"/api/v1/generations/{first.json()['id']}"
    assert first.headers["Location"] == second.headers["Location"]
    assert Generation.objects.count() == 1
    assert money(acme) == (24_548_400, 451_600)


def test_a_repeat_of_several_gives_all_of_them_again(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)
    first = api.post("/generations", {**BODY, "num_generations": 3}, key="k1")
    second = api.post("/generations", {**BODY, "num_generations": 3}, key="k1")

    assert second.json() == first.json()
    assert len(second.json()["data"]) == 3
    assert money(acme) == (23_645_200, 1_354_800)


def test_a_repeat_is_answered_when_the_money_is_gone(
    make_organization: Callable[..., Organization], api_for: MakeApi
) -> None:
    acme = make_organization(credits_usd="0.4516")
    api = api_for(acme)
    first = api.post("/generations", BODY, key="k1")

    assert api.post("/generations", BODY, key="k1").json() == first.json()
    assert api.post("/generations", BODY, key="k2").status_code == 402
    assert money(acme) == (0, 451_600)


def test_another_body_under_the_same_key_is_a_conflict(
    acme: Organization, api_for: MakeApi
) -> None:
    api = api_for(acme)
    api.post("/generations", BODY, key="k1")

    response = api.post("/generations", {**BODY, "duration": 5}, key="k1")

    assert response.status_code == 409
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("idempotency_conflict", "Idempotency-Key")
    assert Generation.objects.count() == 1
    assert money(acme) == (24_548_400, 451_600)


def test_a_refusal_is_not_remembered(
    make_organization: Callable[..., Organization], api_for: MakeApi
) -> None:
    acme = make_organization(credits_usd="0.01")
    api = api_for(acme)
    assert api.post("/generations", BODY, key="k1").status_code == 402
    assert api.post("/generations", {**BODY, "duration": 99}, key="k1").status_code == 400
    assert not IdempotencyRecord.objects.exists()

    deposit(acme, "1.00")
    response = api.post("/generations", BODY, key="k1")

    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response.headers
    assert money(acme) == (558_400, 451_600)


def test_organizations_do_not_share_keys(
    acme: Organization, rival: Organization, api_for: MakeApi
) -> None:
    ours = api_for(acme).post("/generations", BODY, key="k1").json()
    theirs = api_for(rival).post("/generations", {**BODY, "duration": 5}, key="k1").json()

    assert ours["id"] != theirs["id"]
    assert money(acme) == (24_548_400, 451_600)
    assert money(rival) == (4_435_500, 564_500)


def test_two_api_keys_of_one_organization_share_its_keys(
    acme: Organization, api_for: MakeApi
) -> None:
    first = api_for(acme).post("/generations", BODY, key="k1").json()

    assert api_for(acme).post("/generations", BODY, key="k1").json() == first


def test_without_a_key_every_request_is_a_new_one(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)
    api.post("/generations", BODY)
    api.post("/generations", BODY)

    assert Generation.objects.count() == 2
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("length", [1, 255])
def test_a_key_may_have_1_to_255_characters(
    acme: Organization, api_for: MakeApi, length: int
) -> None:
    response = api_for(acme).post("/generations", BODY, key="k" * length)

    assert response.status_code == 201
    assert IdempotencyRecord.objects.get().key == "k" * length


@pytest.mark.parametrize("length", [0, 256])
def test_a_key_of_another_length_is_refused(
    acme: Organization, api_for: MakeApi, length: int
) -> None:
    response = api_for(acme).post("/generations", BODY, **{"Idempotency-Key": "k" * length})

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], error["details"]) == ("Idempotency-Key", {"length_max": 255})
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_a_key_is_forgotten_after_a_day(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)
    api.post("/generations", BODY, key="old")
    api.post("/generations", BODY, key="young")
    day = timezone.now() - idempotency.KEPT
    IdempotencyRecord.objects.filter(key="old").update(created_at=day - timedelta(seconds=1))
    IdempotencyRecord.objects.filter(key="young").update(created_at=day + timedelta(minutes=1))

    tasks.forget_idempotency_keys()

    assert IdempotencyRecord.objects.get().key == "young"
    assert api.post("/generations", BODY, key="old").headers.get("Idempotent-Replayed") is None
    assert Generation.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_under_one_key_make_one_generation(
    acme: Organization, api_for: MakeApi
) -> None:
    api = api_for(acme)

    answers: list[Any] = race([partial(api.post, "/generations", BODY, key="k1")] * 16)

    assert [answer.status_code for answer in answers] == [201] * 16
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert [a.headers.get("Idempotent-Replayed") for a in answers].count("true") == 15
    assert Generation.objects.count() == 1
    assert money(acme) == (24_548_400, 451_600)


@pytest.mark.django_db(transaction=True)
def test_two_bodies_at_once_under_one_key_have_one_winner(
    acme: Organization, api_for: MakeApi
) -> None:
    api = api_for(acme)

    answers: list[Any] = race(
        [
            partial(api.post, "/generations", {**BODY, "seed": number}, key="k1")
            for number in range(8)
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert Generation.objects.count() == 1
    assert money(acme) == (24_548_400, 451_600)


# -- every other POST -------------------------------------------------------------------------------


def test_a_cancel_that_is_repeated_gives_the_first_answer_again(
    acme: Organization, api_for: MakeApi
) -> None:
    api = api_for(acme)
    path = f"/generations/{api.post('/generations', BODY).json()['id']}/cancel"

    first, second = api.post(path, key="c1"), api.post(path, key="c1")

    assert (first.status_code, first.json()["status"]) == (200, "canceled")
    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert money(acme) == (25_000_000, 0)


def test_a_cancel_under_the_key_of_the_create_cancels_nothing(
    acme: Organization, api_for: MakeApi
) -> None:
    api = api_for(acme)
    made = api.post("/generations", BODY, key="k1").json()

    response = api.post(f"/generations/{made['id']}/cancel", key="k1")

    assert response.status_code == 409
    assert response.json()["error"]["code"] == "idempotency_conflict"
    assert Generation.objects.get().state == "queued"
    assert money(acme) == (24_548_400, 451_600)


@pytest.mark.parametrize("path", ["cancel", "quotes", "end-overlap"])
def test_a_field_too_much_is_refused_by_each(
    acme: Organization, api_for: MakeApi, path: str
) -> None:
    api = api_for(acme)
    made = api.post("/generations", BODY).json()
    paths = {
        "cancel": f"/generations/{made['id']}/cancel",
        "quotes": "/quotes",
        "end-overlap": f"/api-keys/{acme.api_keys.get().id}/end-overlap",
    }

    response = api.post(paths[path], {"reason": "a mistake"}, key="k1")

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("unknown_field", "reason")
    assert Generation.objects.get().state == "queued"
    assert not IdempotencyRecord.objects.exists()
