"""What a vendor delivers is looked at before it is paid for, kept as long as said, and erased when asked."""

import io
import logging
from datetime import timedelta
from typing import Any

import av
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from PIL import Image

from accounts.models import AuditEntry, Event, IdempotencyRecord, User
from generations import collecting, erasing, tasks
from generations.models import Attempt, Generation, ProviderEvent, StoragePolicy, StoredFile
from tests.generations.files import picture
from tests.generations.steps import BODY, IMAGE, TEXT, Line, refused, run_all, run_next
from tests.generations.test_uploads import objects, sent
from tests.upstream import clip

ON_EVERY_STORAGE = True
URL = "https://cdn-us.eachlabs.ai/job-1.mp4"


def content_of(name: str) -> bytes:
    with default_storage.open(name) as file:
        return bytes(file.read())


def ended(line: Line, content: bytes, **fields: Any) -> Generation:
    """The provider has delivered this, and it was collected."""
    generation = line.running(**fields)
    line.upstream.finish(line.upstream.job)
    line.upstream.files[URL] = content
    line.reconcile()
    run_all()
    return line.now(generation)


# -- what is made of it -----------------------------------------------------------------------------


def test_the_preview_is_short_small_and_silent(line: Line) -> None:
    generation = ended(line, clip(9, 1280, 720), resolution="720p", duration=9)

    assert generation.state == "succeeded"
    with av.open(io.BytesIO(content_of(generation.preview_file)), "r") as preview:
        stream = preview.streams.video[0]
        assert (stream.width, stream.height) == (320, 180)
        assert not preview.streams.audio
        assert [round(float(frame.time or 0), 2) for frame in preview.decode(video=0)] == [
            round(number / 12, 2) for number in range(48)
        ]
    with Image.open(io.BytesIO(content_of(generation.poster_file))) as poster:
        assert (poster.format, poster.size) == ("JPEG", (1280, 720))


def test_every_file_of_it_has_a_row_and_is_served(line: Line) -> None:
    generation = ended(line, clip(4))

    output = line.api.get(f"/generations/{generation.id}").json()["output"]
    for name in ("video_url", "poster_url", "preview_url"):
        path = output[name].removeprefix("http://127.0.0.1:8000")
        assert b"".join(line.api.client.get(path)) == content_of(path.split("/", 4)[4])
    assert "eachlabs" not in str(output)
    rows = StoredFile.objects.filter(generation=generation, state="ready")
    assert sorted(objects()) == sorted(row.name for row in rows)
    assert rows.count() == 3


# -- another resolution -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size", [(1120, 480), (864, 480), (752, 560), (640, 640), (560, 752), (480, 864)]
)
def test_what_is_480p_in_any_shape_is_taken(line: Line, size: tuple[int, int]) -> None:
    line.charged(ended(line, clip(4, *size)), 451_600)


def test_fewer_pixels_than_asked_for_are_free(line: Line) -> None:
    generation = ended(line, clip(4, 864, 480), resolution="720p")

    line.free(generation, "failed", "output_unusable")
    assert "864x480 pixels, which is 480p, and 720p was asked for" in generation.failure_message
    line.clock.shift(timedelta(hours=3))
    tasks.forget_files()
    assert objects() == []


def test_more_pixels_than_asked_for_cost_no_more(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        generation = ended(line, clip(4, 1280, 720))

    line.charged(generation, 451_600)
    assert f"generation.larger_than_asked id={generation.id} made=720p" in caplog.messages


# -- how long it stays ------------------------------------------------------------------------------


def test_files_stay_for_thirty_days_and_the_receipt_stays(line: Line) -> None:
    generation = ended(line, clip(4))
    line.clock.shift(timedelta(days=30, seconds=-10))
    tasks.forget_files()
    output = line.api.get(f"/generations/{generation.id}").json()["output"]
    assert output["url_expires_at"] == output["files_expire_at"]
    assert len(objects()) == 3

    line.clock.shift(20)
    tasks.forget_files()

    assert objects() == []
    output = line.api.get(f"/generations/{generation.id}").json()["output"]
    assert (output["video_url"], output["poster_url"], output["preview_url"]) == (None, None, None)
    assert output["duration_seconds"] == 4.0
    assert line.api.get(f"/generations/{generation.id}/receipt").status_code == 200
    line.charged(generation, 451_600)


def test_an_organization_may_keep_them_for_another_time(line: Line) -> None:
    ann = User.objects.create_superuser("ann@operator.example")
    call_command(
        "set_storage", organization=line.organization.id, retention_days=1, why="asked",
        by=ann.email, stdout=io.StringIO(),
    )  # fmt: skip
    entry = AuditEntry.objects.get(action="storage.changed")
    assert entry.actor == ann
    assert (entry.before["retention_days"], entry.after["retention_days"]) == (30, 1)
    ended(line, clip(4))
    line.clock.shift(timedelta(days=1, seconds=1))

    tasks.forget_files()

    assert objects() == []


@pytest.mark.parametrize(
    "options",
    [
        {"retention_days": 0},
        {"retention_days": 3651},
        {"upload_bytes_max": -1},
        {"organization": "org_x"},
    ],
)
def test_a_policy_that_cannot_be_is_refused(line: Line, options: dict[str, Any]) -> None:
    ann = User.objects.create_superuser("ann@operator.example")
    said = {"organization": line.organization.id, "why": "x", "by": ann.email, **options}

    with pytest.raises(CommandError, match=r"must|no organization"):
        call_command("set_storage", **said)

    assert not StoragePolicy.objects.exists()
    assert not AuditEntry.objects.filter(action="storage.changed").exists()


# -- erased -----------------------------------------------------------------------------------------


def test_erased_it_says_nothing_of_its_content_anywhere(line: Line) -> None:
    secret = "a secret kite"
    body = {**BODY, "model": IMAGE, "prompt": secret, "metadata": {"of": secret}}
    upload = sent(line.api, picture())
    body["image_url"] = f"upload:{upload['id']}"
    made = line.api.post("/generations", body, key="k").json()
    run_all()
    line.upstream.finish(line.upstream.job)
    line.upstream.files[URL] = clip(4)
    line.webhook()
    line.reconcile()
    run_all()

    path = f"/api/v1/generations/{made['id']}"
    response = line.api.client.delete(path, headers=line.api.headers)

    assert response.status_code == 204
    generation = Generation.objects.get(pk=made["id"])
    line.charged(generation, 451_600)
    assert generation.erased_at is not None
    for rows in (Generation, Attempt, ProviderEvent, Event, IdempotencyRecord):
        assert secret not in str(list(rows.objects.values()))
        assert "cdn-us" not in str(list(rows.objects.values()))
    # The upload is a thing of its own; the video, its poster and its preview are gone.
    assert objects() == [StoredFile.objects.get().name]
    assert line.api.get(f"/generations/{made['id']}").json()["input"]["prompt"] == ""
    assert line.api.get(f"/generations/{made['id']}/receipt").status_code == 200
    again = line.api.client.delete(path, headers=line.api.headers)
    assert again.status_code == 204


def test_a_fetched_input_goes_with_it(line: Line) -> None:
    line.upstream.files["https://acme.example/kite.jpg"] = picture()
    generation = ended(line, clip(4), model=IMAGE, image_url="https://acme.example/kite.jpg")
    assert len(objects()) == 4

    erasing.erase(generation)

    assert objects() == []


def test_an_input_that_another_one_needs_stays(line: Line) -> None:
    line.upstream.files["https://acme.example/kite.jpg"] = picture()
    first = ended(line, clip(4), model=IMAGE, image_url="https://acme.example/kite.jpg")
    line.running(model=IMAGE, image_url="https://acme.example/kite.jpg")

    erasing.erase(first)

    assert len(objects()) == 1


def test_what_is_on_its_way_is_not_erased(line: Line) -> None:
    generation = line.running(model=TEXT)

    response = line.api.client.delete(
        f"/api/v1/generations/{generation.id}", headers=line.api.headers
    )

    refused(response, 409, "not_final", None)
    line.held(generation, "running")


def test_a_second_collector_whose_files_are_not_shown_leaves_none(line: Line) -> None:
    """It lost the race for the lease: what it kept is swept, what is shown is not."""
    generation = line.collecting()
    assert run_next() == "collect"
    shown = line.now(generation)
    collecting.collect(shown, URL)
    assert len(objects()) == 6

    line.clock.shift(timedelta(hours=3))
    tasks.forget_files()

    assert sorted(objects()) == sorted([shown.video_file, shown.poster_file, shown.preview_file])
