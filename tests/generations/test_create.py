"""A create holds and queues, or does nothing at all."""

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings

from accounts.models import Organization
from generations.models import Generation
from tests.generations.steps import (
    BODY,
    DEPOSITED,
    HELD,
    Line,
    lose_tasks,
    nothing_happened,
    refused,
    waiting,
)
from tests.world import Api, money


def test_the_answer_is_the_generation_as_it_was_understood(acme: Organization, api: Api) -> None:
    body = {**BODY, "end_user_id": "u_9f2c", "max_cost_usd": "0.50", "metadata": {"order": "1234"}}

    response = api.post("/generations", body)

    generation = Generation.objects.get()
    created = response.json()
    created_at = generation.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert response.status_code == 201
    assert response["Location"] == f"/api/v1/generations/{generation.id}"
    assert created == {
        "id": generation.id,
        "object": "generation",
        "status": "queued",
        "model": "seedance-2.0-fast-text-to-video",
        "input": {
            "prompt": "a red kite over a beach",
            "resolution": "480p",
            "duration": 4,
            "aspect_ratio": "auto",
            "generate_audio": True,
            "seed": None,
        },
        "end_user_id": "u_9f2c",
        "metadata": {"order": "1234"},
        "queue": created["queue"],
        "price": {
            "quote_id": None,
            "rate_card": "2026-05-28",
            "rule": "fast 480p",
            "rate_usd_per_second": "0.1129",
            "max_seconds": 4,
            "held_usd": "0.4516",
            "billed_seconds": None,
            "charged_usd": None,
        },
        "output": None,
        "failure": None,
        "cancel_requested": False,
        "created_at": created_at,
        "started_at": None,
        "finished_at": None,
    }
    assert generation.id.startswith("gen_")
    assert money(acme) == (24_548_400, 451_600)
    assert waiting() == ["dispatch_queued"]


def test_the_location_leads_to_it_and_tells_its_place(api: Api) -> None:
    api.post("/generations", BODY)
    response = api.post("/generations", BODY)

    read = api.get(response["Location"].removeprefix("/api/v1")).json()

    assert read["id"] == response.json()["id"]
    assert read["queue"] == {"position": 2, "eta_seconds": 120, "waits_for": None}


def test_a_slash_at_the_end_is_no_redirect(api: Api) -> None:
    assert api.post("/generations/", BODY).status_code == 201


def test_several_are_several_holds(acme: Organization, api: Api) -> None:
    response = api.post("/generations", {**BODY, "num_generations": 2})

    assert response.status_code == 201
    assert list(response.json()) == ["data"]
    ids = {row["id"] for row in response.json()["data"]}
    assert ids == set(Generation.objects.values_list("id", flat=True))
    assert len(ids) == 2
    assert "Location" not in response
    assert money(acme) == (DEPOSITED - 2 * HELD, 2 * HELD)


def test_several_are_all_admitted_or_none(
    make_organization: Callable[..., Organization], api_for: Callable[[Organization], Api]
) -> None:
    poor = make_organization(credits_usd="1.80")  # four cost up to $1.8064

    response = api_for(poor).post("/generations", {**BODY, "num_generations": 4})

    error = refused(response, 402, "insufficient_credits", None)
    assert error["details"] == {"needed_usd": "1.8064", "available_usd": "1.8000"}
    nothing_happened(poor, 1_800_000)


@pytest.mark.parametrize(
    ("credits_usd", "status"), [("0", 402), ("0.451599", 402), ("0.4516", 201)]
)
def test_one_micro_dollar_decides(
    make_organization: Callable[..., Organization],
    api_for: Callable[[Organization], Api],
    credits_usd: str,
    status: int,
) -> None:
    organization = make_organization(credits_usd=credits_usd)

    response = api_for(organization).post("/generations", BODY, key="k1")

    assert response.status_code == status
    if status == 402:
        error = refused(response, 402, "insufficient_credits", None)
        assert error["details"]["needed_usd"] == "0.4516"
        assert Decimal(error["details"]["available_usd"]) == Decimal(credits_usd)
        nothing_happened(organization, int(Decimal(credits_usd) * 1_000_000))
    else:
        assert money(organization) == (0, 451_600)


@pytest.mark.parametrize(("max_cost_usd", "count"), [("0.451599", 1), ("0.9031", 2), ("0", 1)])
def test_more_than_the_caller_would_pay_is_refused(
    acme: Organization, api: Api, max_cost_usd: str, count: int
) -> None:
    body = {**BODY, "max_cost_usd": max_cost_usd, "num_generations": count}

    error = refused(api.post("/generations", body), 402, "max_cost_exceeded", "max_cost_usd")

    assert error["details"] == {"needed_usd": "0.4516" if count == 1 else "0.9032"}
    nothing_happened(acme)


def test_what_costs_exactly_the_most_is_done(acme: Organization, api: Api) -> None:
    body = {**BODY, "max_cost_usd": "0.9032", "num_generations": 2}

    assert api.post("/generations", body).status_code == 201


def test_a_key_is_needed(acme: Organization, api: Api) -> None:
    api.headers = {}

    response = api.post("/generations", BODY)

    refused(response, 401, "unauthenticated", None)
    assert response["WWW-Authenticate"] == "Bearer"
    nothing_happened(acme)


def test_a_repeat_under_the_same_key_gives_the_first_answer(acme: Organization, api: Api) -> None:
    first = api.post("/generations", BODY, key="k1")
    again = api.post("/generations", BODY, key="k1")

    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert money(acme) == (DEPOSITED - HELD, HELD)
    assert waiting() == ["dispatch_queued"]


def test_another_body_under_the_same_key_is_a_conflict(acme: Organization, api: Api) -> None:
    api.post("/generations", BODY, key="k1")

    response = api.post("/generations", {**BODY, "duration": 5}, key="k1")

    refused(response, 409, "idempotency_conflict", "Idempotency-Key")
    assert Generation.objects.count() == 1
    assert money(acme) == (DEPOSITED - HELD, HELD)


def test_prefer_wait_answers_with_the_end(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def rendered(seconds: float) -> None:
        line.sweep()
        for job in line.upstream.jobs.values():
            line.upstream.finish(job)
        line.sweep(10)

    # Of the view alone: who waits for a process sleeps, too.
    clock = SimpleNamespace(sleep=rendered, monotonic=time.monotonic)
    monkeypatch.setattr("generations.api.time", clock)

    response = line.api.post("/generations", BODY, Prefer="respond-async, wait=5")

    assert response.status_code == 201
    assert response.json()["status"] == "succeeded"
    assert response.json()["price"]["charged_usd"] == "0.4516"


def test_prefer_wait_waits_once_for_all(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now)

    response = api.post("/generations", {**BODY, "num_generations": 4}, Prefer="wait=90")

    assert {row["status"] for row in response.json()["data"]} == {"queued"}
    assert now == 60


def test_who_finds_no_place_to_wait_is_answered_at_once(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps, others = 0, []

    def sleep(seconds: float) -> None:
        nonlocal sleeps
        sleeps += 1
        if sleeps == 1:  # while the first waits, a second comes
            others.append(api.post("/generations", BODY, Prefer="wait=60"))

    clock = SimpleNamespace(sleep=sleep, monotonic=lambda: 100.0 * sleeps)
    monkeypatch.setattr("generations.api.time", clock)
    monkeypatch.setattr("generations.api._places_to_wait", threading.BoundedSemaphore(1))

    first = api.post("/generations", BODY, Prefer="wait=60")
    sleeps_of_the_first = sleeps
    later = api.post("/generations", BODY, Prefer="wait=60")

    assert [one.json()["status"] for one in (*others, first, later)] == ["queued"] * 3
    assert (sleeps_of_the_first, sleeps) == (1, 2)  # none by the second; its place was given back


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=-1", "wait=²", "wait=soon", "wait=0"])
def test_a_wait_that_says_nothing_is_no_wait(
    acme: Organization, api: Api, monkeypatch: pytest.MonkeyPatch, prefer: str
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it waited"))

    assert api.post("/generations", BODY, Prefer=prefer).status_code == 201


def test_only_our_pseudonym_of_an_end_user_leaves_us(line: Line) -> None:
    line.running(end_user_id="ann@customer.example")

    sent = line.upstream.job.body
    assert "ann" not in str(sent)
    assert len(sent["input"]["end_user_id"]) == 32
    lose_tasks()
    line.running(end_user_id="ann@customer.example")
    assert line.upstream.job.body["input"]["end_user_id"] == sent["input"]["end_user_id"]


def test_the_provider_is_asked_in_its_own_words(line: Line) -> None:
    line.running(seed=42)

    sent = line.upstream.job.body
    secret = line.upstream.webhook_path().split("/")[-1]
    assert sent == {
        "model": "bytedance-seedance-2-0-text-to-video-fast",
        "version": "0.0.1",
        "input": {
            "prompt": "a red kite over a beach",
            "resolution": "480p",
            "duration": "4",
            "aspect_ratio": "auto",
            "generate_audio": True,
            "seed": "42",
        },
        "webhook_url": f"{django_settings.WEBHOOK_URL}/webhooks/eachlabs/{secret}",
        "webhook_secret": secret,
    }
