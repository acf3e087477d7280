"""Files that are sent to us: checked, kept once, counted, seen by their owner alone, and really deleted."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import IdempotencyRecord, Organization
from generations import limits, storage_policies, tasks, uploads
from generations.models import Generation, StoredFile, Upload
from seedance_saas.errors import Refusal
from tests.generations.files import bare, picture, sound, video, wav
from tests.generations.kept import Kept
from tests.generations.steps import BODY, IMAGE, refused, run_all
from tests.race import race
from tests.world import Api

if TYPE_CHECKING:
    from tests.world import Answer

ON_EVERY_STORAGE = True


def send(api: Api, content: bytes, *, name: str = "kite.jpg", **headers: str) -> "Answer":
    return api.client.post(
        "/api/v1/uploads",
        {"file": SimpleUploadedFile(name, content)},
        headers={**api.headers, **headers},
    )


def sent(api: Api, content: bytes) -> dict[str, Any]:
    response = send(api, content)
    assert response.status_code == 201, response.content
    body: dict[str, Any] = response.json()
    return body


def objects() -> list[str]:
    """Every object in storage."""
    return Kept().names()


def nothing_is_kept() -> None:
    assert not StoredFile.objects.exists()
    assert not Upload.objects.exists()
    assert objects() == []


@pytest.mark.parametrize(
    ("content", "kind", "content_type", "size", "seconds"),
    [
        (picture(), "image", "image/jpeg", (8, 6), None),
        (picture("PNG"), "image", "image/png", (8, 6), None),
        (picture("WEBP"), "image", "image/webp", (8, 6), None),
        (video(), "video", "video/mp4", (640, 640), 2.0),
        (video(format="mov"), "video", "video/quicktime", (640, 640), 2.0),
        (sound(), "audio", "audio/mpeg", (None, None), 2.017),
        (wav(), "audio", "audio/wav", (None, None), 2.0),
    ],
)
def test_a_file_is_told_by_its_bytes_and_kept(
    acme: Organization,
    api: Api,
    content: bytes,
    kind: str,
    content_type: str,
    size: tuple[int | None, int | None],
    seconds: float | None,
) -> None:
    response = send(api, content, name="../../etc/passwd.exe")

    body = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"/api/v1/uploads/{body['id']}"
    assert (body["kind"], body["content_type"], body["bytes"]) == (kind, content_type, len(content))
    assert ((body["width"], body["height"]), body["duration_seconds"]) == (size, seconds)
    seen = Client().get(body["url"].removeprefix("http://127.0.0.1:8000"))
    assert b"".join(seen) == (bare(content) if kind == "video" else content)
    assert seen["Content-Type"] == content_type
    (stored,) = StoredFile.objects.all()
    assert objects() == [stored.name]
    assert stored.organization == acme


def test_where_a_picture_was_taken_does_not_reach_storage(api: Api) -> None:
    body = sent(api, picture(gps=True, orientation=6))

    (name,) = objects()
    with default_storage.open(name) as file:
        assert b"A telephone" not in file.read()
    assert (body["width"], body["height"]) == (6, 8)


@pytest.mark.parametrize(
    ("content", "code", "limit"),
    [
        (b"", "unsupported_media", "types"),
        (b"<svg onload='alert(1)'/>", "unsupported_media", "types"),
        (picture()[:-20], "unsupported_media", "readable"),
        (video(2, 639, 640, pixels="yuv444p"), "media_wrong_size", "video_pixels_min"),
        (video(16), "media_too_long", "videos_milliseconds_max"),
        (wav(15_100), "media_too_long", "audios_milliseconds_max"),
        (picture() + bytes(30_000_001 - len(picture())), "media_too_large", "image_bytes_max"),
        (wav() + bytes(15_000_001 - len(wav())), "media_too_large", "audio_bytes_max"),
    ],
    ids=[
        "empty",
        "svg",
        "cut",
        "639x640",
        "16 s",
        "15.1 s",
        "30 MB and a byte",
        "15 MB and a byte",
    ],
)
def test_a_bad_file_is_refused_with_the_limit_and_its_number(
    api: Api, content: bytes, code: str, limit: str
) -> None:
    error = refused(send(api, content), 422, code, "file")

    assert error["details"]["limit"] == limit
    if limit in limits.LIMITS:
        number = error["details"].get("at_most", error["details"].get("at_least"))
        assert number == limits.LIMITS[limit]
    nothing_is_kept()


def test_a_body_that_is_larger_than_any_file_is_refused_before_it_is_read(api: Api) -> None:
    response = send(api, bytes(50_200_000))

    error = refused(response, 422, "media_too_large", "file")
    assert error["details"]["at_most"] == 50_000_000
    nothing_is_kept()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"file": "text"},
        {"picture": SimpleUploadedFile("a", picture())},
        {"file": [SimpleUploadedFile("a", picture()), SimpleUploadedFile("b", picture())]},
    ],
    ids=["nothing", "text", "another field", "two files"],
)
def test_a_form_without_just_one_file_is_refused(api: Api, form: dict[str, Any]) -> None:
    response = api.client.post("/api/v1/uploads", form, headers=api.headers)

    refused(response, 400, "invalid_request", "file")
    nothing_is_kept()


def test_a_form_with_another_field_is_refused(api: Api) -> None:
    form = {"file": SimpleUploadedFile("a", picture()), "kind": "image"}

    response = api.client.post("/api/v1/uploads", form, headers=api.headers)

    refused(response, 400, "unknown_field", "kind")
    nothing_is_kept()


def test_what_is_no_form_is_refused(api: Api) -> None:
    refused(api.post("/uploads", {"file": "x"}), 415, "unsupported_media_type", None)


def test_without_a_key_nothing_is_taken(acme: Organization) -> None:
    response = Client().post("/api/v1/uploads", {"file": SimpleUploadedFile("a", picture())})

    assert response.status_code == 401
    nothing_is_kept()


def test_the_same_content_lies_in_storage_once(api: Api) -> None:
    first, second = sent(api, picture()), sent(api, picture())

    assert first["id"] != second["id"]
    assert len(objects()) == 1
    assert storage_policies.uploaded_bytes(Upload.objects.all()[0].organization_id) == len(
        picture()
    )


def test_the_same_content_of_two_organizations_lies_there_twice(
    api: Api, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    sent(api, picture())
    sent(api_for(rival), picture())

    assert len(objects()) == 2


def test_an_upload_under_a_key_is_made_once(api: Api) -> None:
    first = send(api, picture(), **{"Idempotency-Key": "k"})
    second = send(api, picture(), **{"Idempotency-Key": "k"})
    other = send(api, picture("PNG"), **{"Idempotency-Key": "k"})

    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"
    refused(other, 409, "idempotency_conflict", "Idempotency-Key")
    assert (Upload.objects.count(), IdempotencyRecord.objects.count()) == (1, 1)


def test_uploads_are_listed_newest_first_and_read_one_by_one(api: Api) -> None:
    first, second = sent(api, picture()), sent(api, picture("PNG"))

    assert api.get("/uploads").json() == {"data": [second, first], "next_cursor": None}
    assert api.get(f"/uploads/{first['id']}").json() == first


def test_a_stranger_neither_sees_nor_deletes_nor_uses_it(
    api: Api, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    stranger, ours = api_for(rival), sent(api, picture())

    assert stranger.get("/uploads").json()["data"] == []
    path = f"/api/v1/uploads/{ours['id']}"
    assert stranger.client.get(path, headers=stranger.headers).status_code == 404
    assert stranger.client.delete(path, headers=stranger.headers).status_code == 404
    for url in (f"upload:{ours['id']}", ours["url"]):
        body = {**BODY, "model": IMAGE, "image_url": url}
        refused(stranger.post("/generations", body), 400, "invalid_request", "image_url")
    assert len(objects()) == 1


# -- quota ------------------------------------------------------------------------------------------


def test_an_organization_may_keep_so_many_bytes(api: Api, settings: Any) -> None:
    settings.UPLOAD_BYTES_MAX = len(picture()) + len(picture("PNG")) - 1
    sent(api, picture())

    error = refused(send(api, picture("PNG")), 409, "storage_full", "file")

    assert error["details"] == {
        "bytes_max": settings.UPLOAD_BYTES_MAX,
        "used_bytes": len(picture()),
        "bytes": len(picture("PNG")),
    }
    assert len(objects()) == 1
    sent(api, picture())  # takes no more room


def test_a_deleted_upload_makes_room(api: Api, settings: Any) -> None:
    settings.UPLOAD_BYTES_MAX = len(picture())
    first = sent(api, picture())
    api.client.delete(f"/api/v1/uploads/{first['id']}", headers=api.headers)

    sent(api, picture("PNG"))


@pytest.mark.django_db(transaction=True)
def test_only_one_of_two_at_once_gets_the_last_place(
    make_organization: Any, settings: Any, tmp_path: Path
) -> None:
    acme = make_organization()
    paths = [tmp_path / "one", tmp_path / "two"]
    paths[0].write_bytes(picture("PNG", 8, 8))
    paths[1].write_bytes(picture("PNG", 8, 8, mode="L"))
    settings.UPLOAD_BYTES_MAX = sum(path.stat().st_size for path in paths) - 1

    outcomes = race([lambda path=path: uploads.receive(acme, path) for path in paths])  # type: ignore[misc]

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["StorageFull", "Upload"]
    assert StoredFile.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_content_at_once_is_kept_once(make_organization: Any, tmp_path: Path) -> None:
    acme = make_organization()
    path = tmp_path / "kite"
    path.write_bytes(picture())

    outcomes = race([lambda: uploads.receive(acme, path)] * 4)

    assert [type(outcome).__name__ for outcome in outcomes] == ["Upload"] * 4
    assert StoredFile.objects.count() == 1
    assert len([name for name in objects() if name.startswith(acme.id)]) == 1


@pytest.mark.django_db(transaction=True)
def test_an_upload_beside_the_deletion_of_its_like_has_its_file(
    make_organization: Any, tmp_path: Path
) -> None:
    acme = make_organization()
    path = tmp_path / "kite"
    path.write_bytes(picture())
    first = uploads.receive(acme, path)

    outcomes = race([lambda: uploads.delete(first), lambda: uploads.receive(acme, path)])

    assert not [outcome for outcome in outcomes if isinstance(outcome, Refusal | Exception)]
    (left,) = Upload.objects.all()
    assert default_storage.exists(left.stored.name)
    assert [name for name in objects() if name.startswith(acme.id)] == [left.stored.name]


# -- the end ----------------------------------------------------------------------------------------


def test_deleted_is_deleted(api: Api) -> None:
    body = sent(api, picture())

    response = api.client.delete(f"/api/v1/uploads/{body['id']}", headers=api.headers)

    assert response.status_code == 204
    nothing_is_kept()
    assert Client().get(body["url"].removeprefix("http://127.0.0.1:8000")).status_code == 404
    assert (
        api.client.delete(f"/api/v1/uploads/{body['id']}", headers=api.headers).status_code == 404
    )


def test_the_file_stays_while_another_upload_has_it(api: Api) -> None:
    first, second = sent(api, picture()), sent(api, picture())

    api.client.delete(f"/api/v1/uploads/{first['id']}", headers=api.headers)

    assert len(objects()) == 1
    assert api.get(f"/uploads/{second['id']}").status_code == 200


def test_an_upload_expires_and_its_file_goes_with_it(
    api: Api, clock: time_machine.Traveller
) -> None:
    body = sent(api, picture())
    clock.shift(timedelta(days=30, seconds=-5))
    tasks.forget_files()
    assert len(objects()) == 1

    clock.shift(10)
    tasks.forget_files()

    nothing_is_kept()
    assert api.get(f"/uploads/{body['id']}").status_code == 404


def test_a_generation_on_its_way_keeps_the_file_of_a_deleted_upload(line: Any) -> None:
    body = sent(line.api, picture())
    generation = line.create(model=IMAGE, image_url=f"upload:{body['id']}")
    line.api.client.delete(f"/api/v1/uploads/{body['id']}", headers=line.api.headers)
    tasks.forget_files()
    assert len(objects()) == 1

    run_all()
    line.upstream.fail(line.upstream.job, "INPUT_VALIDATION_ERROR", "no")
    line.reconcile()
    assert Generation.objects.get(pk=generation.pk).is_final
    line.clock.shift(timedelta(days=1, seconds=1))
    tasks.forget_files()

    nothing_is_kept()
