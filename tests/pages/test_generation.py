"""The page of one generation: where it is, what it cost, why it cost nothing, and how to stop it."""

import re
from collections.abc import Callable

from django.test import Client

from accounts.models import Organization, Role
from generations.models import Generation
from generations.settling import fail
from tests.pages.conftest import end, text
from tests.upstream import Upstream
from tests.world import money

Make = Callable[..., Generation]


def test_a_finished_one_plays_and_shows_its_receipt(
    acme: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = end(running(acme), upstream, run_queue)
    client = browser(acme)

    page = text(client.get(f"/generations/{generation.id}"))

    assert "<video" in page
    assert "4 seconds produced and charged" in page
    assert '4 s × $0.1129 = <span class="money">$0.45<small>16</small></span>' in page
    assert page.count('<td role="cell">Capture') == 1
    assert "1 at EachLabs" in page
    assert "every 2s" not in page
    assert "Cancel…" not in page
    video = page.split('<source src="')[1].split('"')[0]
    answer = client.get(video)
    assert answer.status_code == 200
    assert b"".join(answer)[4:8] == b"ftyp"


def test_a_failed_one_says_why_it_cost_nothing(
    acme: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = end(running(acme), upstream, run_queue, well=False)

    page = text(browser(acme).get(f"/generations/{generation.id}"))

    assert "You were not charged." in page
    assert f"<code>{generation.failure_code}</code>" in page
    assert "Edit and run again" in page
    assert money(acme) == (25_000_000, 0)


def test_a_running_one_updates_itself_and_says_so_when_it_ends(
    acme: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = running(acme)
    client = browser(acme)
    live = f"/generations/{generation.id}/live"

    asks = f'hx-get="{live}?view=page&amp;seen=running"'
    assert asks in text(client.get(f"/generations/{generation.id}"))
    still = text(client.get(f"{live}?seen=running"))
    assert asks in still
    assert "elapsed" in still
    assert 'id="generation"' not in still  # what somebody reads or selects is left alone
    end(generation, upstream, run_queue)

    ended = text(client.get(f"{live}?seen=running"))
    assert "every 2s" not in ended
    assert "<video" in ended
    assert 'id="head" hx-swap-oob="true"' in ended
    assert 'aria-live="polite" hx-swap-oob="innerHTML">Succeeded.' in ended


def test_canceling_gives_everything_back_and_says_how_much(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    generation = queued(acme)
    client = browser(acme)
    assert "goes back to your credits" in text(client.get(f"/generations/{generation.id}"))

    page = text(client.post(f"/generations/{generation.id}/cancel", follow=True))

    assert "Canceled: $0.4516 released, $25.0000 available now." in page
    assert "canceled before a video was made" in page
    assert money(acme) == (25_000_000, 0)


def test_too_late_to_cancel_is_said_in_words(
    acme: Organization, browser: Callable[..., Client], running: Make, upstream: Upstream
) -> None:
    generation = running(acme)
    upstream.cancelable = False

    page = text(browser(acme).post(f"/generations/{generation.id}/cancel", follow=True))

    assert "The provider will not stop it any more." in page
    assert money(acme) == (24_548_400, 451_600)


def test_who_may_not_spend_may_not_cancel(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    generation = queued(acme)
    client = browser(acme, Role.VIEWER)

    assert "Cancel…" not in text(client.get(f"/generations/{generation.id}"))
    assert client.post(f"/generations/{generation.id}/cancel").status_code == 403
    generation.refresh_from_db()
    assert generation.state == "queued"


def test_a_prompt_is_text_and_never_markup(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    generation = queued(acme, '<script>alert("x")</script>')
    client = browser(acme)

    for path in ("/", "/gallery", f"/generations/{generation.id}", f"/create?from={generation.id}"):
        assert "<script>alert" not in text(client.get(path))


def test_the_limit_that_a_file_crossed_stands_there_with_its_number(
    acme: Organization,
    browser: Callable[..., Client],
    queued: Callable[[Organization], Generation],
) -> None:
    generation = queued(acme)
    details = {"param": "video_urls", "limit": "video_pixels_min", "at_least": 409_600}
    fail(
        generation,
        "media_wrong_size",
        "video_urls[0]: the video has 639x640 = 408,960 pixels.",
        details={**details, "given": 408_960},
    )

    for path in (f"/generations/{generation.id}", f"/create?after={generation.id}"):
        page = browser(acme).get(path).content.decode()
        words = " ".join(re.sub(r"<[^>]+>", "", page).split())
        assert "Limit video_pixels_min: 409,600 at least, 408,960 given." in words


def test_a_failure_without_a_limit_names_none(
    acme: Organization,
    browser: Callable[..., Client],
    queued: Callable[[Organization], Generation],
) -> None:
    generation = queued(acme)
    fail(generation, "input_unavailable", details={"param": "image_urls"})

    page = browser(acme).get(f"/generations/{generation.id}").content.decode()

    assert "input_unavailable" in page
    assert "Limit <code>" not in page
