"""The gallery finds, pages, and follows what runs until nothing runs."""

from collections.abc import Callable

from django.test import Client

from accounts.models import Organization, Role
from generations.models import Generation
from tests.pages.conftest import end, text
from tests.upstream import Upstream

Make = Callable[..., Generation]


def test_an_empty_gallery_says_what_to_do_first(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    page = text(browser(acme).get("/gallery"))
    assert "Make the first video" in page
    assert "curl http" in page
    assert "Make the first video" not in text(browser(acme, Role.VIEWER).get("/gallery"))


def test_filters_stand_in_the_address_and_in_the_form(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    kite, boat = queued(acme, "a kite"), queued(acme, "a boat")
    Generation.objects.filter(pk=boat.pk).update(
        end_user_id="u_1", model="seedance-2.0-text-to-video"
    )
    client = browser(acme)

    def shown(query: str) -> set[str]:
        page = text(client.get(f"/gallery?{query}"))
        return {one.id for one in (kite, boat) if f'id="card-{one.id}"' in page}

    assert shown("") == shown("state=queued") == {kite.id, boat.id}
    assert shown("state=succeeded") == set()
    assert shown("end_user_id=u_1") == {boat.id}
    assert shown("model=seedance-2.0-fast-text-to-video") == {kite.id}
    assert shown("since=2099-01-01") == set()
    assert shown(f"since={kite.created_at:%Y-%m-%d}&until={kite.created_at:%Y-%m-%d}") == {
        kite.id,
        boat.id,
    }
    assert shown("since=nonsense&state=nonsense") == {kite.id, boat.id}
    assert "Nothing fits this filter" in text(client.get("/gallery?end_user_id=u_2"))
    assert 'value="u_1"' in text(client.get("/gallery?end_user_id=u_1"))


def test_older_ones_come_by_a_link_and_each_only_once(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    made = [queued(acme) for _ in range(25)]
    client = browser(acme)

    first = text(client.get("/gallery"))
    link = first.split('class="grid-more"><a class="btn" href="')[1].split('"')[0]
    second = text(client.get(link))
    piece = text(client.get(link, headers={"HX-Request": "true"}))

    assert [one.id for one in made if f'id="card-{one.id}"' in second] == [made[0].id]
    assert not any(f'id="card-{made[0].id}"' in page for page in (first,))
    assert f'id="card-{made[0].id}"' in piece
    assert "<nav" not in piece
    assert "Back to the newest" in second


def test_what_runs_is_asked_for_until_it_has_ended(
    acme: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = running(acme)
    client = browser(acme)
    asks = f"/live?view=pick&amp;seen={generation.id}:running"

    assert asks in text(client.get("/gallery"))
    still = text(client.get("/live", {"view": "pick", "seen": f"{generation.id}:running"}))
    assert asks in still
    assert "hx-swap-oob" in still
    assert 'id="news"' not in still

    end(generation, upstream, run_queue)
    ended = text(client.get("/live", {"view": "pick", "seen": f"{generation.id}:running"}))
    assert "every 2s" not in ended
    assert 'src="/media/' in ended
    assert "data-preview=" in ended
    assert "Succeeded." in ended
    assert 'id="side-balance" hx-swap-oob="true"' in ended
    assert "every 2s" not in text(client.get("/gallery"))
