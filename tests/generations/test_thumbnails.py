"""Every picture has a small one beside it: of an upload, of an input, of a finished video. It goes with the file."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from generations import media, stored_files
from generations.models import StoredFile, Thumbnail, Upload
from generations.prober import thumbnails
from tests.generations.files import picture
from tests.generations.steps import Line
from tests.world import Api

ON_EVERY_STORAGE = True


def small(url: str | None) -> Image.Image:
    assert url
    answer = Client().get(url)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    return Image.open(io.BytesIO(answer.content))


def test_a_finished_video_has_one_and_erasing_takes_it_away(line: Line, api: Api) -> None:
    generation = line.collecting()
    line.sweep(10)
    generation = line.now(generation)

    url = media.thumbnail_url(generation)

    image = small(url)
    assert image.width <= thumbnails.SIDE_MAX
    assert generation.video_width
    assert generation.video_height
    ratio = generation.video_width / generation.video_height
    assert image.width / image.height == pytest.approx(ratio, rel=0.02)
    assert (
        api.client.delete(f"/api/v1/generations/{generation.id}", headers=api.headers).status_code
        == 204
    )
    assert not Thumbnail.objects.exists()
    assert url
    assert Client().get(url).status_code == 404


def test_a_large_upload_is_seen_small_and_a_small_one_no_larger(api: Api) -> None:
    large = io.BytesIO()
    Image.new("RGBA", (1200, 600), (200, 30, 30, 128)).save(large, "PNG")
    for content in (large.getvalue(), picture()):
        file = SimpleUploadedFile("a.png", content, "image/png")
        answer = api.client.post("/api/v1/uploads", {"file": file}, headers=api.headers)
        assert answer.status_code == 201

    first, second = Upload.objects.order_by("id").select_related("stored")

    sizes = [
        small(media.small(media.url(one.stored.name, expires_at=one.expires_at))).size
        for one in (first, second)
    ]
    assert sizes == [(384, 192), (8, 6)]


def test_what_has_none_is_served_whole(api: Api) -> None:
    file = SimpleUploadedFile("a.jpg", picture(), "image/jpeg")
    api.client.post("/api/v1/uploads", {"file": file}, headers=api.headers)
    Thumbnail.objects.all().delete()
    upload = Upload.objects.get()

    answer = Client().get(f"{media.url(upload.stored.name, expires_at=upload.expires_at)}?small")

    assert answer.headers["Content-Type"] == "image/jpeg"
    assert len(b"".join(answer.streaming_content)) == upload.stored.bytes  # type: ignore[attr-defined]


def test_a_forged_address_shows_no_thumbnail_either(api: Api) -> None:
    file = SimpleUploadedFile("a.jpg", picture(), "image/jpeg")
    api.client.post("/api/v1/uploads", {"file": file}, headers=api.headers)
    upload = Upload.objects.get()
    url = media.url(upload.stored.name, expires_at=upload.expires_at)

    forged = url.replace(url.split("/")[3], "0" * 40)

    assert Client().get(f"{forged}?small").status_code == 404


def test_the_row_of_a_file_takes_its_thumbnail_along(api: Api) -> None:
    file = SimpleUploadedFile("a.jpg", picture(), "image/jpeg")
    api.client.post("/api/v1/uploads", {"file": file}, headers=api.headers)
    Upload.objects.all().delete()
    assert Thumbnail.objects.count() == 1

    assert stored_files.delete(StoredFile.objects.all()) == 1

    assert not Thumbnail.objects.exists()
