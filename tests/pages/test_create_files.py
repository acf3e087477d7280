"""Files of Create: sent with the form, which needs no script, or one by one as scripts send them."""

import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Organization, Role
from generations.models import Generation, Upload
from tests.generations.files import picture, sound, video, wav
from tests.pages.conftest import FORM, text

REFERENCE = {**FORM, "family": "reference", "tier": "standard"}


def file(content: bytes, name: str = "kite.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def in_field(page: str, name: str) -> list[str]:
    found = re.search(rf'<textarea[^>]*name="{name}"[^>]*>(.*?)</textarea>', page)
    assert found, name
    return found[1].split()


def test_files_sent_without_a_script_stand_in_the_form_with_picture_and_name(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)
    sent = [file(picture()), file(video()), file(picture("PNG")), file(wav())]

    page = text(
        client.post(
            "/create", {**REFERENCE, "prompt": "like @Image2", "do": "upload", "files": sent}
        )
    )

    one, two, three, four = (f"upload:{row.id}" for row in Upload.objects.order_by("id"))
    assert in_field(page, "image_urls") == [one, three]
    assert (in_field(page, "video_urls"), in_field(page, "audio_urls")) == ([two], [four])
    assert re.findall(r'data-insert="(@\w+)"', page) == [
        "@Image1", "@Image2", "@Video1", "@Audio1",
    ]  # fmt: skip
    assert "8 × 6 · 1 KB</p>" in page
    assert "8 × 6 · 1 KB · in the prompt</p>" in page
    assert "640 × 640 · 2.0 s" in page
    pictures = re.findall(r'<img class="frame" src="(/media/[^"]+)"', page)
    assert len(pictures) == 2
    for url in pictures:
        assert url.endswith("?small")
        assert client.get(url).headers["Content-Type"] == "image/webp"
    assert "like @Image2" in page
    assert not Generation.objects.exists()


def test_generate_takes_the_files_along(acme: Organization, browser: Callable[..., Client]) -> None:
    form = {**FORM, "family": "image", "files": [file(picture()), file(picture("PNG"))]}

    browser(acme).post("/create", form)

    made = Generation.objects.get()
    first, last = Upload.objects.order_by("id")
    assert made.input["image_url"] == f"upload:{first.id}"
    assert made.input["end_image_url"] == f"upload:{last.id}"
    assert made.state == "queued"
    assert first.member == made.member


def test_a_file_makes_references_of_text(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    browser(acme).post("/create", {**FORM, "files": file(picture())})

    made = Generation.objects.get()
    assert made.model == "seedance-2.0-fast-reference-to-video"
    assert len(made.input["image_urls"]) == 1


@pytest.mark.parametrize(
    ("family", "content", "words"),
    [
        ("reference", b"<svg>", "kite.jpg: The file is an SVG drawing"),
        ("reference", wav(15_100), "kite.jpg: The sound is 15.1 s long; 15 s are allowed."),
        ("image", sound(), "Image to video takes images alone."),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_bought(
    acme: Organization, browser: Callable[..., Client], family: str, content: bytes, words: str
) -> None:
    form = {**FORM, "family": family, "files": [file(content), file(picture(), "good.jpg")]}

    answer = browser(acme).post("/create", form)

    page = text(answer)
    assert answer.status_code == 422
    assert words in page
    assert f"upload:{Upload.objects.latest('id').id}" in page  # the good one is not lost
    assert "a red kite over a beach" in page
    assert not Generation.objects.exists()


def test_the_tray_follows_what_is_typed(acme: Organization, browser: Callable[..., Client]) -> None:
    page = text(
        browser(acme).post(
            "/create/quote",
            {**REFERENCE, "image_urls": "https://example.com/a.jpg\nupload:upl_" + "0" * 32},
        )
    )

    assert 'id="given" hx-swap-oob="true"' in page
    assert "example.com/a.jpg</p>" in page
    assert "not there any more</p>" in page


def test_a_strangers_upload_shows_nothing(
    acme: Organization, rival: Organization, browser: Callable[..., Client]
) -> None:
    browser(rival).post("/create/upload", {"file": file(picture())})
    theirs = f"upload:{Upload.objects.get().id}"

    page = text(browser(acme).post("/create/quote", {**REFERENCE, "image_urls": theirs}))

    assert "/media/" not in page
    assert "not there any more" in page


def test_a_script_is_told_what_to_write(acme: Organization, browser: Callable[..., Client]) -> None:
    client = browser(acme)

    good = client.post("/create/upload", {"file": file(picture())})
    bad = client.post("/create/upload", {"file": file(b"GIF89a")})
    none = client.post("/create/upload", {})

    assert (good.status_code, good.json()) == (
        201,
        {"kind": "image", "reference": f"upload:{Upload.objects.get().id}"},
    )
    assert bad.status_code == 422
    assert bad.json()["message"].startswith("The file is a GIF picture; allowed are ")
    assert none.status_code == 400


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_who_may_not_spend_sends_nothing(
    acme: Organization, browser: Callable[..., Client], role: Role
) -> None:
    client = browser(acme, role)

    assert client.post("/create/upload", {"file": file(picture())}).status_code == 403
    assert client.post("/create", {**REFERENCE, "files": file(picture())}).status_code == 403
    assert not Upload.objects.exists()


def test_a_form_that_is_larger_than_any_is_not_read(
    acme: Organization, browser: Callable[..., Client], settings: object
) -> None:
    settings.FORM_BYTES_MAX = 1000  # type: ignore[attr-defined]

    answer = browser(acme).post("/create/upload", {"file": file(bytes(2000))})

    assert answer.status_code in {400, 413}
    assert not Upload.objects.exists()
