"""Where storage is a bucket, a client may put a file straight into it; it is checked before it is used."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine

from accounts.models import Organization
from generations import tasks
from generations.models import StoredFile, Upload
from tests.generations.files import picture
from tests.generations.kept import Kept
from tests.generations.steps import refused
from tests.race import race
from tests.world import Api

on_a_bucket = pytest.mark.parametrize("storage", ["bucket"], indirect=True)


def put(announced: dict[str, Any], content: bytes) -> int:
    form = {"data": announced["fields"], "files": {"file": ("a", content)}}
    return httpx.post(announced["url"], trust_env=False, verify=False, **form).status_code  # noqa: S501 (http)


def path(announced: dict[str, Any]) -> str:
    return f"/uploads/direct/{announced['id']}/complete"


@on_a_bucket
def test_a_file_goes_straight_into_the_bucket(api: Api, storage: Kept) -> None:
    content = picture(gps=True)
    announced = api.post("/uploads/direct", {"bytes": len(content)})
    assert announced.status_code == 201
    assert put(announced.json(), content) == 204

    made = api.post(path(announced.json()))

    assert made.status_code == 201
    assert (made.json()["kind"], made.json()["width"]) == ("image", 8)
    (name,) = storage.names()
    assert name == Upload.objects.get().stored.name
    assert b"A telephone" not in storage.read(name)
    assert api.post(path(announced.json())).status_code == 404


@on_a_bucket
def test_who_lost_the_answer_asks_again_under_the_same_key(api: Api, storage: Kept) -> None:
    body = {"bytes": len(picture())}
    announced = api.post("/uploads/direct", body, key="a1").json()
    assert api.post("/uploads/direct", body, key="a1").json() == announced
    put(announced, picture())

    made = api.post(path(announced), key="c1")
    again = api.post(path(announced), key="c1")

    assert (made.status_code, again.status_code) == (201, 201)
    assert again.json() == made.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Upload.objects.count() == 1


@on_a_bucket
def test_a_bad_file_is_refused_and_gone(api: Api, storage: Kept) -> None:
    announced = api.post("/uploads/direct", {"bytes": 5}).json()
    put(announced, b"<svg>")

    refused(api.post(path(announced)), 422, "unsupported_media", "file")

    assert storage.names() == []
    assert list(StoredFile.objects.values_list("state", "bytes")) == [("leaving", 0)]


@on_a_bucket
def test_what_is_put_there_again_takes_no_room_for_ever(
    api: Api, storage: Kept, clock: time_machine.Traveller
) -> None:
    """The form works for an hour, whatever became of the upload."""
    announced = api.post("/uploads/direct", {"bytes": len(picture())}).json()
    put(announced, picture())
    made = api.post(path(announced)).json()
    assert put(announced, picture()) == 204
    assert len(storage.names()) == 2

    assert api.post(path(announced)).status_code == 404
    clock.shift(timedelta(hours=2, seconds=1))
    tasks.forget_files()

    assert storage.names() == [Upload.objects.get(pk=made["id"]).stored.name]
    assert StoredFile.objects.count() == 1


@on_a_bucket
@pytest.mark.django_db(transaction=True)
def test_of_two_that_complete_it_at_once_one_gets_an_upload(api: Api, storage: Kept) -> None:
    announced = api.post("/uploads/direct", {"bytes": len(picture())}).json()
    put(announced, picture())

    answers = race([lambda: api.post(path(announced)).status_code] * 2)

    assert sorted(answers) == [201, 404]  # type: ignore[type-var]  # each is a status
    assert Upload.objects.count() == 1


@on_a_bucket
def test_what_has_not_arrived_may_come_yet(api: Api, storage: Kept) -> None:
    announced = api.post("/uploads/direct", {"bytes": len(picture())}).json()

    refused(api.post(path(announced)), 409, "upload_not_there", None)
    put(announced, picture())

    assert api.post(path(announced)).status_code == 201


@on_a_bucket
def test_what_is_never_completed_is_swept(
    api: Api, storage: Kept, clock: time_machine.Traveller
) -> None:
    announced = api.post("/uploads/direct", {"bytes": len(picture())}).json()
    put(announced, picture())
    clock.shift(timedelta(hours=2, seconds=1))

    tasks.forget_files()

    assert storage.names() == []
    assert api.post(path(announced)).status_code == 404


@on_a_bucket
def test_room_is_kept_for_what_is_announced(api: Api, settings: Any) -> None:
    settings.UPLOAD_BYTES_MAX = 1000
    api.post("/uploads/direct", {"bytes": 600})

    refused(api.post("/uploads/direct", {"bytes": 600}), 409, "storage_full", "file")


@on_a_bucket
def test_a_stranger_completes_nothing(
    api: Api, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    announced = api.post("/uploads/direct", {"bytes": len(picture())}).json()
    put(announced, picture())

    assert api_for(rival).post(path(announced)).status_code == 404
    assert api.post(path(announced)).status_code == 201


@pytest.mark.parametrize("size", [0, -1, "5", True, None, 1.5])
def test_the_size_is_required(api: Api, size: Any) -> None:
    refused(api.post("/uploads/direct", {"bytes": size}), 400, "invalid_request", "bytes")


@on_a_bucket
def test_no_kind_of_file_may_be_so_large(api: Api) -> None:
    response = api.post("/uploads/direct", {"bytes": 50_000_001})

    assert refused(response, 422, "media_too_large", "file")["details"]["at_most"] == 50_000_000
    assert not StoredFile.objects.exists()


def test_into_a_folder_nothing_goes_straight(api: Api) -> None:
    refused(api.post("/uploads/direct", {"bytes": 5}), 409, "direct_upload_unavailable", None)
    assert not StoredFile.objects.exists()
