"""The list of generations: newest first, narrowed by what the query asks."""

from collections.abc import Callable

import pytest

from accounts.models import Organization
from generations.models import Generation
from generations.states import PUBLIC
from tests.generations.steps import BODY, TEXT, Line, refused
from tests.world import Api


def ids(api: Api, **filters: object) -> list[str]:
    response = api.get("/generations", **filters)
    assert response.status_code == 200, response.content
    assert response.json()["next_cursor"] is None
    return [row["id"] for row in response.json()["data"]]


def create(api: Api, **fields: object) -> str:
    return str(api.post("/generations", {**BODY, **fields}).json()["id"])


def test_the_newest_is_first_and_only_ours_are_there(
    api: Api, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    first, second = create(api), create(api)
    stranger = create(api_for(rival))

    assert ids(api) == [second, first]
    assert ids(api_for(rival)) == [stranger]


@pytest.mark.parametrize(("status", "states"), PUBLIC.items())
def test_a_status_covers_all_its_states(api: Api, status: str, states: list[str]) -> None:
    made = {create(api): state for each in PUBLIC.values() for state in each}
    for id, state in made.items():
        # The rows are set, for the filter alone is asked here.
        Generation.objects.filter(pk=id).update(
            state=state,
            charged_microusd=0,
            failure_code="provider_failed",
            finished_at="2026-06-01T00:00:00Z",
        )

    response = api.get("/generations", status=status)

    assert {row["id"] for row in response.json()["data"]} == {
        id for id, state in made.items() if state in states
    }
    assert {row["status"] for row in response.json()["data"]} == {status}


def test_a_model_is_found_under_each_of_its_names(api: Api) -> None:
    fast = create(api)
    create(api, model="seedance-2.0-text-to-video")

    assert ids(api, model=TEXT) == [fast]
    assert ids(api, model="bytedance/seedance-2.0/fast/text-to-video") == [fast]
    assert ids(api, model="sora") == []


def test_an_end_user_has_their_own(api: Api) -> None:
    anns = create(api, end_user_id="ann")
    create(api, end_user_id="bob")

    assert ids(api, end_user_id="ann") == [anns]


def test_a_key_shows_what_it_made(
    acme: Organization, api: Api, api_for: Callable[[Organization], Api]
) -> None:
    other = api_for(acme)
    create(api)
    theirs = create(other)

    key_id = Generation.objects.get(pk=theirs).api_key_id
    assert ids(api, api_key=key_id) == [theirs]


def test_times_are_limits_that_are_not_reached(line: Line) -> None:
    made = []
    for _ in range(3):
        made.append(create(line.api))
        line.clock.shift(3600)
    middle = Generation.objects.get(pk=made[1]).created_at.isoformat()

    assert ids(line.api, created_after=middle) == [made[2]]
    assert ids(line.api, created_before=middle) == [made[0]]


def test_metadata_narrows_by_each_key(api: Api) -> None:
    one = create(api, metadata={"order": "1", "shop": "a"})
    two = create(api, metadata={"order": "2", "shop": "a"})

    assert ids(api, **{"metadata[order]": "1"}) == [one]
    assert ids(api, **{"metadata[shop]": "a"}) == [two, one]
    assert ids(api, **{"metadata[shop]": "a", "metadata[order]": "2"}) == [two]
    assert ids(api, **{"metadata[shop]": "1"}) == []


def test_filters_narrow_together(api: Api) -> None:
    create(api, end_user_id="ann")
    both = create(api, end_user_id="ann", metadata={"order": "1"})
    create(api, metadata={"order": "1"})

    assert ids(api, end_user_id="ann", status="queued", **{"metadata[order]": "1"}) == [both]


@pytest.mark.parametrize(
    ("name", "value", "param"),
    [
        ("colour", "red", "colour"),
        ("metadata", "x", "metadata"),
        ("organization", "org_1", "organization"),
        ("status", "preparing", "status"),
        ("created_after", "9999-12-31T23:59:59-23:59", "created_after"),
        ("created_before", "0001-01-01T00:00:00+23:59", "created_before"),
        ("created_after", "yesterday", "created_after"),
        ("created_after", "2026-06-01T00:00:00", "created_after"),
        ("created_before", "2026-13-01T00:00:00Z", "created_before"),
        ("limit", "0", "limit"),
        ("limit", "101", "limit"),
        ("limit", "x", "limit"),
        ("cursor", "§", "cursor"),
        ("cursor", "AA==", "cursor"),
    ],
)
def test_a_filter_that_is_not_understood_is_refused(
    api: Api, name: str, value: str, param: str
) -> None:
    refused(api.get("/generations", **{name: value}), 400, "invalid_request", param)


def test_pages_follow_each_other_without_gap_or_repeat(api: Api) -> None:
    made = [create(api) for _ in range(5)]

    first = api.get("/generations", limit=2).json()
    create(api)  # it comes meanwhile, and moves no page
    second = api.get("/generations", limit=2, cursor=first["next_cursor"]).json()
    third = api.get("/generations", limit=2, cursor=second["next_cursor"]).json()

    seen = [row["id"] for page in (first, second, third) for row in page["data"]]
    assert seen == made[::-1]
    assert third["next_cursor"] is None


def test_a_last_page_that_is_full_has_no_next(api: Api) -> None:
    for _ in range(2):
        create(api)

    assert api.get("/generations", limit=2).json()["next_cursor"] is None
