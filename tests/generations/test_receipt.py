"""The bill of one generation says everything of its money, and nothing of ours."""

import json

import pytest

from generations.models import Attempt, Generation
from tests.generations.steps import Line


def receipt(line: Line, generation: Generation) -> dict[str, object]:
    response = line.api.get(f"/generations/{generation.id}/receipt")
    assert response.status_code == 200
    return dict(response.json())


def moves(bill: dict[str, object]) -> list[tuple[str, str, str, str]]:
    transfers: list[dict[str, str]] = bill["transfers"]  # type: ignore[assignment]
    assert {row["reference"] for row in transfers} == {f"generation:{bill['generation']}"}
    assert all(row["id"].startswith("trf_") for row in transfers)
    return [
        (row["kind"], row["transferred_usd"], row["amount_usd"], row["balance_after_usd"])
        for row in transfers
    ]


def test_a_success_shows_hold_capture_and_release(line: Line) -> None:
    generation = line.running(duration="auto", end_user_id="ann")
    line.upstream.finish(line.upstream.job, seconds=9, cost=0.77)
    line.sweep(30)

    bill = receipt(line, generation)

    assert moves(bill) == [
        ("hold", "1.6935", "-1.6935", "23.3065"),
        ("capture", "1.0161", "0.0000", "23.3065"),
        ("release", "0.6774", "0.6774", "23.9839"),
    ]
    assert {name: bill[name] for name in list(bill)[1:18]} == {
        "generation": generation.id,
        "status": "succeeded",
        "model": "seedance-2.0-fast-text-to-video",
        "end_user_id": "ann",
        "rate_card": "2026-05-28",
        "rule": "fast 480p",
        "rate_usd_per_second": "0.1129",
        "requested": {"duration": "auto", "resolution": "480p"},
        "measured": {"duration_seconds": 9.0, "width": 864, "height": 480},
        "quote_id": None,
        "held_seconds": 15,
        "held_usd": "1.6935",
        "billed_seconds": 9,
        "captured_usd": "1.0161",
        "released_usd": "0.6774",
        "charged": True,
        "not_charged_because": None,
    }
    attempts: list[dict[str, object]] = bill["attempts"]  # type: ignore[assignment]
    assert [(row["number"], row["provider"], row["outcome"]) for row in attempts] == [
        (1, "eachlabs", "succeeded")
    ]
    assert "0.77" not in json.dumps(bill)  # our cost
    assert Attempt.objects.get().cost_microusd == 770_000


def test_a_failure_shows_why_it_is_free_and_every_attempt(line: Line) -> None:
    generation = line.running()
    line.upstream.fail(line.upstream.job, "PROVIDER_FAILED")
    line.sweep(30)
    line.sweep(2)
    line.upstream.fail(line.upstream.job, "PROVIDER_REJECTED")
    line.sweep(30)

    bill = receipt(line, generation)

    assert moves(bill) == [
        ("hold", "0.4516", "-0.4516", "24.5484"),
        ("release", "0.4516", "0.4516", "25.0000"),
    ]
    assert (bill["captured_usd"], bill["released_usd"]) == ("0.0000", "0.4516")
    assert (bill["charged"], bill["billed_seconds"], bill["measured"]) == (False, None, None)
    assert bill["not_charged_because"] == (
        "What fails is free. "
        "The provider's content check refused the prompt, an input or the result."
    )
    attempts: list[dict[str, object]] = bill["attempts"]  # type: ignore[assignment]
    assert [(row["number"], row["state"]) for row in attempts] == [(1, "failed"), (2, "failed")]


@pytest.mark.parametrize("asked", ["", "/"])
def test_what_runs_still_shows_its_hold_alone(line: Line, asked: str) -> None:
    generation = line.running()

    bill = line.api.get(f"/generations/{generation.id}/receipt{asked}").json()

    assert moves(bill) == [("hold", "0.4516", "-0.4516", "24.5484")]
    assert bill["captured_usd"] is bill["released_usd"] is bill["settled_at"] is None
    assert bill["not_charged_because"] is None
    assert bill["attempts"][0]["outcome"] == "accepted, running"


def test_a_cancel_shows_that_nothing_was_made(line: Line) -> None:
    generation = line.create()
    line.api.post(f"/generations/{generation.id}/cancel")

    bill = receipt(line, generation)

    assert bill["not_charged_because"] == "It was canceled before a video was made."
    assert bill["attempts"] == []
    assert [kind for kind, *_ in moves(bill)] == ["hold", "release"]
