"""Another model keeps what fits, lays the rest aside and says so; files change places with and without scripts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from generations.models import Generation
from tests.pages.conftest import FORM, text
from tests.world import money

A, B, C, FILM = (f"https://example.com/{name}" for name in ("a.jpg", "b.jpg", "c.jpg", "d.mp4"))
REFERENCE = {
    **FORM,
    "family": "reference",
    "model_shown": "seedance-2.0-fast-reference-to-video",
    "image_urls": f"{A}\n{B}\n{C}",
    "video_urls": FILM,
}
TEXT, IMAGE = "seedance-2.0-fast-text-to-video", "seedance-2.0-fast-image-to-video"


def fields(page: str) -> dict[str, str]:
    """What the form holds: text fields, hidden ones and lists."""
    found = dict(re.findall(r'<input [^>]*?name="(\w+)"[^>]*? value="([^"]*)"', page))
    lists = re.findall(r'<textarea [^>]*?name="(\w+)"[^>]*>([^<]*)</textarea>', page)
    return found | dict(lists)


def test_images_become_frames_and_the_rest_is_laid_aside_and_comes_back(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)

    as_image = client.post("/create", {**REFERENCE, "family": "image", "do": "update"})

    page = text(as_image)
    assert (
        "takes two images at most: 1 image and 1 video laid aside, until you switch back." in page
    )
    kept = fields(page)
    assert (kept["image_url"], kept["end_image_url"]) == (A, B)
    assert kept["aside"].split() == [f"image={C}", f"video={FILM}"]
    assert kept["model_shown"] == IMAGE

    shown = {name: kept[name] for name in ("image_url", "end_image_url", "aside", "model_shown")}
    back = text(client.post("/create", {**FORM, **shown, "family": "reference", "do": "update"}))

    assert "laid aside" not in back
    assert fields(back)["image_urls"].split() == [A, B, C]
    assert fields(back)["video_urls"].split() == [FILM]
    assert fields(back)["aside"] == ""


def test_text_takes_no_files_and_a_repeat_lays_nothing_aside_twice(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)

    page = text(client.post("/create", {**REFERENCE, "family": "text", "do": "update"}))

    assert "takes no files: 3 images and 1 video laid aside" in page
    kept = {name: fields(page)[name] for name in ("aside", "model_shown")}
    again = text(client.post("/create", {**FORM, **kept, "do": "update"}))
    assert fields(again)["aside"] == fields(page)["aside"]
    assert "laid aside" not in again


def test_generate_with_another_model_and_its_old_files_asks_first(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)

    first = client.post("/create", {**REFERENCE, "family": "text"})

    page = text(first)
    assert first.status_code == 409
    assert "Nothing was charged." in page
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)
    kept = {name: fields(page)[name] for name in ("aside", "model_shown", "token")}
    client.post("/create", {**FORM, **kept})
    made = Generation.objects.get()
    assert (made.model, "image_urls" in made.input) == (TEXT, False)


@pytest.mark.parametrize(
    ("order", "images"),
    [
        ("earlier:image_urls:1", [B, A, C]),
        ("later:image_urls:1", [A, C, B]),
        ("earlier:image_urls:0", [A, B, C]),
        ("later:image_urls:2", [A, B, C]),
        ("remove:image_urls:1", [A, C]),
        ("remove:image_urls:9", [A, B, C]),
    ],
)
def test_files_change_places_without_scripts(
    acme: Organization, browser: Callable[..., Client], order: str, images: list[str]
) -> None:
    answer = browser(acme).post("/create", {**REFERENCE, "do": order})

    assert answer.status_code == 200
    assert fields(text(answer))["image_urls"].split() == images
    assert not Generation.objects.exists()


def test_the_frames_change_places_and_one_alone_may_be_either(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)
    form: dict[str, Any] = {**FORM, "family": "image", "image_url": A, "end_image_url": B}

    swapped = fields(text(client.post("/create", {**form, "do": "later:image_url:0"})))
    assert (swapped["image_url"], swapped["end_image_url"]) == (B, A)

    moved = text(client.post("/create", {**form, "end_image_url": "", "do": "later:image_url:0"}))
    assert (fields(moved)["image_url"], fields(moved)["end_image_url"]) == ("", A)
    removed = fields(text(client.post("/create", {**form, "do": "remove:end_image_url:0"})))
    assert (removed["image_url"], removed["end_image_url"]) == (A, "")


@pytest.mark.parametrize("order", ["remove:image_url:0", "later:nothing:0", "what"])
def test_an_order_that_is_none_buys_nothing(
    acme: Organization, browser: Callable[..., Client], order: str
) -> None:
    """A file of another model is moved, for instance, while the form is drawn anew."""
    answer = browser(acme).post("/create", {**FORM, "do": order})

    assert answer.status_code == 200
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_the_moved_file_keeps_the_focus(acme: Organization, browser: Callable[..., Client]) -> None:
    page = text(browser(acme).post("/create", {**REFERENCE, "do": "earlier:image_urls:2"}))
    focused = re.findall(r'value="([^"]+)" formnovalidate[^>]* autofocus', page)
    assert focused == ["earlier:image_urls:1"]


def test_four_at_once_are_one_purchase(acme: Organization, browser: Callable[..., Client]) -> None:
    client = browser(acme)
    form = {**FORM, "num_generations": "4"}

    price = text(client.post("/create/quote", form))
    first, second = client.post("/create", form), client.post("/create", form)

    assert 'up to <span class="money">$1.81</span>' in price
    assert "for 4 videos" in price
    assert "&quot;num_generations&quot;: 4" in price
    assert "&quot;max_cost_usd&quot;: &quot;1.8064&quot;" in price
    made = list(Generation.objects.order_by("id"))
    assert len(made) == 4
    assert first.headers["Location"] == second.headers["Location"]
    assert money(acme) == (25_000_000 - 4 * 451_600, 4 * 451_600)
    page = text(client.get(first.headers["Location"]))
    assert "Made with it" in page
    assert all(one.id in page for one in made)
    assert 'id="count-4" value="4" checked' in page


def test_four_that_cost_too_much_together_are_none(
    make_organization: Callable[..., Organization], browser: Callable[..., Client]
) -> None:
    poor = make_organization("Poor", credits_usd="1.00")

    answer = browser(poor).post("/create", {**FORM, "num_generations": "4"})

    assert answer.status_code == 402
    assert "Nothing was held or charged." in text(answer)
    assert not Generation.objects.exists()
    assert money(poor) == (1_000_000, 0)


def test_a_number_that_cannot_be_made_is_refused_beside_its_field(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    answer = browser(acme).post("/create", {**FORM, "num_generations": "5"})

    page = text(answer)
    assert answer.status_code == 400
    assert "Not made, not charged." in page
    assert "How many must be a whole number from 1 to 4." in page
    assert not Generation.objects.exists()
