"""The page of a generation erases it once it has ended; what it cost stays."""

from collections.abc import Callable

from django.test import Client

from accounts.models import Organization, Role
from generations.models import Generation
from tests.pages.conftest import end, text
from tests.upstream import Upstream
from tests.world import money

Make = Callable[..., Generation]


def test_a_finished_one_is_erased_and_its_receipt_stays(
    acme: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = end(running(acme), upstream, run_queue)
    client = browser(acme)
    before = text(client.get(f"/generations/{generation.id}"))
    assert "Erase this generation?" in before
    assert "Video kept until" in before

    page = text(client.post(f"/generations/{generation.id}/erase", follow=True))

    assert "Erased: prompt, files and video are gone. The receipt stays." in page
    assert "Prompt erased" in page
    assert "The video was deleted" in page
    assert "a red kite over a beach" not in page
    assert "Erase this generation?" not in page
    assert "4 seconds produced and charged" in page
    assert money(acme) == (24_548_400, 0)


def test_one_on_its_way_is_not_erased(
    acme: Organization, browser: Callable[..., Client], running: Make
) -> None:
    generation = running(acme)
    client = browser(acme)
    assert "Erase this generation?" not in text(client.get(f"/generations/{generation.id}"))

    page = text(client.post(f"/generations/{generation.id}/erase", follow=True))

    assert "It is still on its way" in page
    assert "a red kite over a beach" in page


def test_a_stranger_and_a_viewer_erase_nothing(
    acme: Organization,
    rival: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = end(running(acme), upstream, run_queue)
    path = f"/generations/{generation.id}/erase"

    assert browser(rival).post(path).status_code == 404
    assert browser(acme, Role.VIEWER).post(path).status_code == 403
    assert Generation.objects.get(pk=generation.pk).erased_at is None
