"""The playground buys once, refuses in words beside the field, and keeps what was typed."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, Role
from generations.models import Generation
from tests.pages.conftest import FORM, text
from tests.world import money


def error_beside(page: str, field: str) -> str:
    """The words that stand under the field."""
    found = re.search(rf'id="{field}-error".*?<span>(.*?)</span>', page)
    return found[1].strip() if found else ""


def test_pressing_generate_makes_one_and_shows_it(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)

    answer = client.post("/create", FORM)

    made = Generation.objects.get()
    assert answer.url == f"/create?after={made.id}"  # type: ignore[attr-defined]
    assert (made.model, made.held_microusd) == ("seedance-2.0-fast-text-to-video", 451_600)
    assert made.member is not None
    assert money(acme) == (24_548_400, 451_600)
    page = text(client.get(f"/create?after={made.id}"))
    assert "$0.45<small>16</small></span> held" in page
    assert f'hx-get="/generations/{made.id}/live?view=result&amp;seen=queued"' in page


def test_the_same_form_sent_twice_buys_once(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)

    first, second = client.post("/create", FORM), client.post("/create", FORM)

    assert first.url == second.url  # type: ignore[attr-defined]
    assert Generation.objects.count() == 1
    assert money(acme) == (24_548_400, 451_600)


def test_the_second_sending_finds_the_first_even_when_the_credits_are_gone(
    make_organization: Callable[..., Organization], browser: Callable[..., Client]
) -> None:
    poor = make_organization("Poor", credits_usd="0.50")
    client = browser(poor)

    first, second = client.post("/create", FORM), client.post("/create", FORM)

    assert first.url == second.url  # type: ignore[attr-defined]
    assert money(poor) == (48_400, 451_600)


def test_an_old_form_with_something_else_typed_in_asks_once_more(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)
    client.post("/create", FORM)

    again = client.post("/create", {**FORM, "prompt": "another kite"})

    assert again.status_code == 409
    assert "another kite" in text(again)
    assert FORM["token"] not in text(again)
    assert Generation.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"prompt": " "}, "prompt", "The prompt is required: say what the video shows."),
        (
            {"family": "image", "image_url": "http://example.com/a.jpg"},
            "image_url",
            "The first frame must be a public URL that begins with https://.",
        ),
        (
            {"family": "reference", "image_urls": "\n".join(["https://example.com/a.jpg"] * 10)},
            "image_urls",
            "That is 10 files; 9 are allowed.",
        ),
        ({"seed": "-1"}, "seed", "The seed must be a whole number from 0 to 2147483647."),
        ({"duration": "16"}, "duration", "duration must be &quot;auto&quot; or a whole number"),
        (
            {"prompt": "@Image1 walks"},
            "prompt",
            "The prompt mentions @Image1, but no image is given.",
        ),
    ],
)
def test_a_fault_stands_beside_its_field_and_what_was_typed_stays(
    acme: Organization,
    browser: Callable[..., Client],
    changed: dict[str, Any],
    field: str,
    words: str,
) -> None:
    answer = browser(acme).post("/create", {**FORM, "end_user_id": "u_9f2c", **changed})

    page = text(answer)
    assert answer.status_code == 400
    assert error_beside(page, field).startswith(words)
    assert 'value="u_9f2c"' in page
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_too_few_credits_says_how_many_are_needed_and_there(
    make_organization: Callable[..., Organization], browser: Callable[..., Client]
) -> None:
    poor = make_organization("Poor", credits_usd="0.25")

    answer = browser(poor).post("/create", FORM)

    page = text(answer)
    assert answer.status_code == 402
    assert "This needs up to <span" in page
    assert "$0.45<small>16</small>" in page
    assert "$0.25<small>00</small>" in page
    assert 'href="/billing#buy">Buy credits' in page
    assert "a red kite over a beach" in page
    assert not Generation.objects.exists()


@pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
def test_who_may_not_spend_is_told_so_and_is_refused(
    acme: Organization, browser: Callable[..., Client], role: Role
) -> None:
    client = browser(acme, role)

    page = text(client.get("/create"))
    assert "Your role only looks." in page
    assert 'id="create-form"' not in page
    assert client.post("/create", FORM).status_code == 403
    assert money(acme) == (25_000_000, 0)


def test_another_model_is_drawn_without_scripts_and_keeps_what_fits(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    answer = browser(acme).post("/create", {**FORM, "family": "reference", "do": "update"})

    page = text(answer)
    assert answer.status_code == 200
    assert 'name="image_urls"' in page
    assert "a red kite over a beach</textarea>" in page
    assert 'id="duration-4" value="4" checked' in page
    assert not Generation.objects.exists()


def test_the_price_is_the_servers_on_first_sight_and_while_typing(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)

    first = text(client.get("/create?model=seedance-2.0-text-to-video"))
    assert 'up to <span class="money">$4.54</span>' in first
    typed = text(client.post("/create/quote", {**FORM, "duration": "15"}))
    assert 'up to <span class="money">$1.70</span>' in typed
    assert "15 s × $0.1129 = " in typed
    assert "&quot;max_cost_usd&quot;: &quot;1.6935&quot;" in typed
    assert not Generation.objects.exists()


def test_settings_are_used_again(acme: Organization, browser: Callable[..., Client]) -> None:
    client = browser(acme)
    client.post(
        "/create",
        {
            **FORM,
            "family": "reference",
            "prompt": "@Image2 beside @Image1",
            "image_urls": "https://example.com/a.jpg\r\nhttps://example.com/b.jpg",
            "duration": "7",
            "seed": "42",
            "end_user_id": "u_9f2c",
            "aspect_ratio": "9:16",
            "generate_audio": "",
        },
    )
    made = Generation.objects.get()

    page = text(client.get(f"/create?from={made.id}"))

    assert "@Image2 beside @Image1</textarea>" in page
    assert "https://example.com/a.jpg https://example.com/b.jpg</textarea>" in page
    assert 'id="duration-7" value="7" checked' in page
    assert 'value="42"' in page
    assert "<option selected>9:16</option>" in page
    assert 'name="generate_audio">' in page
