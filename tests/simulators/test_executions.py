"""The lists with which a lost create is looked for."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from seedance_saas.simulators.thread import SimulatorThread
from tests.simulators.conftest import TEXT, Create


def test_a_lost_create_is_found_by_its_input_and_its_webhook(
    api: httpx.Client, create: Create
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=60)
    with pytest.raises(httpx.RemoteProtocolError):
        create("simulate: drop", webhook_url="https://app.example.com/hook/7", seed="9")

    query: dict[str, str | int] = {"model": TEXT, "from": before.isoformat(), "limit": 100}
    body = api.get("/v1/executions", params=query).json()

    (row,) = body.pop("executions")
    assert body == {"total_count": 1, "total_capped": False, "offset": 0, "limit": 100}
    assert row["input"] == {
        "prompt": "simulate: drop",
        "duration": "4",
        "resolution": "480p",
        "seed": "9",
    }
    assert (row["model"], row["status"], row["webhook_url"], row["execution_cost"]) == (
        TEXT,
        "success",
        "https://app.example.com/hook/7",
        0.5648,
    )
    assert api.get(f"/v1/prediction/{row['id']}").json()["input"] == row["input"]


def test_as_documented_a_row_shows_neither_input_nor_webhook(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.documented_executions = True
    create(webhook_url="https://app.example.com/hook/7")

    (row,) = api.get("/v1/executions").json()["executions"]

    assert set(row) == {
        "id", "model", "requested_model", "status", "workflow_id", "workflow_execution_id",
        "execution_cost", "run_time", "created_at", "started_at", "completed_at", "output",
    }  # fmt: skip


def test_filters_narrow_the_list_newest_first(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    ids = []
    for now, prompt, model in (
        (1000.0, "one", TEXT),
        (2000.0, "simulate: fail provider", TEXT),
        (3000.0, "three", f"{TEXT}-fast"),
    ):
        simulator.config.clock = lambda now=now: now  # type: ignore[misc]
        ids.append(create(prompt, model=model).json()["id"])

    def found(**query: str) -> list[str]:
        rows = api.get("/v1/executions", params=query).json()["executions"]
        return [row["id"] for row in rows]

    assert found() == [ids[2], ids[1], ids[0]]
    assert found(model=TEXT) == [ids[1], ids[0]]
    assert found(status="error") == [ids[1]]
    assert found(status="success,error", model=TEXT) == [ids[1], ids[0]]
    assert found(**{"from": "1970-01-01T00:33:20Z"}) == [ids[2], ids[1]]
    assert found(to="1970-01-01T00:33:19Z") == [ids[0]]
    assert found(limit="1", offset="1") == [ids[1]]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "processing"},
        {"limit": "101"},
        {"limit": "0"},
        {"offset": "981"},
        {"from": "yesterday"},
        {"from": "2026-01-01T00:00:00"},
        {"error_classification": "bad_luck"},
    ],
)
def test_what_the_reference_does_not_allow_is_400(api: httpx.Client, query: dict[str, str]) -> None:
    assert api.get("/v1/executions", params=query).status_code == 400


def test_the_cursor_walks_through_everything_once(
    simulator: SimulatorThread, api: httpx.Client, create: Create
) -> None:
    simulator.config.clock = lambda: 1000.0  # all at the same instant: the order must still be firm
    made = {create().json()["id"] for _ in range(5)}

    seen: list[str] = []
    query = {"limit": "2"}
    for has_more in (True, True, False):
        page = api.get("/v2/executions", params=query).json()
        seen += [row["id"] for row in page["executions"]]
        assert (page["limit"], page["has_more"]) == (2, has_more)
        query["cursor"] = page["next_cursor"]

    assert page["next_cursor"] is None
    assert (len(seen), set(seen)) == (5, made)


def test_a_cursor_is_bound_to_its_filters(api: httpx.Client, create: Create) -> None:
    create()
    create()
    cursor = api.get("/v2/executions", params={"limit": "1"}).json()["next_cursor"]

    other = api.get("/v2/executions", params={"limit": "2", "cursor": cursor})
    broken = api.get("/v2/executions", params={"limit": "1", "cursor": "x"})

    assert [other.status_code, broken.status_code] == [400, 400]
