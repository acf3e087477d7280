"""Many at once: all videos as one file, all of them deleted, each within its limits and nobody else's."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, Role
from generations import selection
from generations.models import Generation
from tests.pages.conftest import end, text
from tests.upstream import Upstream
from tests.world import money

Make = Callable[..., Generation]


@pytest.fixture
def finished(running: Make, upstream: Upstream, run_queue: Callable[[], int]) -> Make:
    return lambda organization: end(running(organization), upstream, run_queue)


def ids(*chosen: Generation) -> dict[str, Any]:
    return {"chosen": [one.id for one in chosen]}


def test_the_videos_of_those_chosen_come_as_one_file(
    acme: Organization, browser: Callable[..., Client], finished: Make, queued: Make
) -> None:
    first, second, waits = finished(acme), finished(acme), queued(acme)
    client = browser(acme, Role.VIEWER)

    answer = client.post("/gallery/download", ids(first, second, waits))

    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{second.id}.mp4", f"{first.id}.mp4"]
        assert [info.file_size for info in archive.infolist()] == [
            second.video_bytes,
            first.video_bytes,
        ]
        assert archive.read(f"{first.id}.mp4")[4:8] == b"ftyp"
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].endswith('-2.zip"')


def test_deleting_says_in_numbers_what_goes_and_asks_once(
    acme: Organization, browser: Callable[..., Client], finished: Make, queued: Make
) -> None:
    first, second, waits = finished(acme), finished(acme), queued(acme)
    client = browser(acme)
    chosen = ids(first, second, waits) | {"query": "state=succeeded"}

    asked = text(client.post("/gallery/delete", chosen))

    assert "Delete 2 generations?" in asked
    assert "2 videos" in asked
    assert '<span class="money">$0.90<small>32</small></span> in all' in asked
    assert "1 of those chosen still runs" in asked
    assert Generation.objects.exclude(video_file="").count() == 2

    done = client.post("/gallery/delete", chosen | {"sure": "yes"})

    assert (done.status_code, done.headers["Location"]) == (303, "/gallery?state=succeeded")
    assert "2 erased. Their receipts stay. 1 still run and stay." in text(client.get("/gallery"))
    assert not Generation.objects.exclude(video_file="").exists()
    assert list(Generation.objects.filter(erased_at=None)) == [waits]
    assert money(acme) == (25_000_000 - 3 * 451_600, 451_600)


def test_a_strangers_are_as_if_they_were_not_there(
    acme: Organization, rival: Organization, browser: Callable[..., Client], finished: Make
) -> None:
    theirs = finished(rival)
    client = browser(acme)

    assert client.post("/gallery/download", ids(theirs)).status_code == 400
    client.post("/gallery/delete", ids(theirs) | {"sure": "yes"})

    theirs.refresh_from_db()
    assert theirs.video_file
    assert theirs.erased_at is None


def test_who_only_looks_may_not_delete(
    acme: Organization, browser: Callable[..., Client], finished: Make
) -> None:
    made = finished(acme)

    answer = browser(acme, Role.VIEWER).post("/gallery/delete", ids(made) | {"sure": "yes"})

    made.refresh_from_db()
    assert (answer.status_code, bool(made.video_file)) == (403, True)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ([], "Nothing was chosen."),
        ([f"gen_{n}" for n in range(61)], "61 were chosen; 60 at a time are allowed."),
        (["gen_\x00"], "Nothing was chosen."),
    ],
)
def test_none_and_too_many_are_refused_in_words(
    acme: Organization, browser: Callable[..., Client], chosen: list[str], words: str
) -> None:
    for path in ("/gallery/download", "/gallery/delete"):
        answer = browser(acme).post(path, {"chosen": chosen})
        assert answer.status_code == 400
        assert words in text(answer)


def test_too_many_bytes_are_refused_with_the_limit(
    acme: Organization, browser: Callable[..., Client], finished: Make
) -> None:
    made = finished(acme)
    Generation.objects.filter(pk=made.pk).update(video_bytes=selection.ARCHIVE_BYTES_MAX + 1)

    answer = browser(acme).post("/gallery/download", ids(made))

    assert answer.status_code == 400
    assert "1,000,000,001 bytes; 1,000,000,000 at a time are allowed." in text(answer)


def test_only_what_has_ended_can_be_chosen_and_by_name(
    acme: Organization, browser: Callable[..., Client], finished: Make, queued: Make
) -> None:
    made, waits = finished(acme), queued(acme)

    page = text(browser(acme).get("/gallery"))

    assert f'value="{made.id}" form="chosen" aria-label="Choose' in page
    assert f'value="{waits.id}" form="chosen"' not in page


def test_a_member_filters_by_who_made_it(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    made = queued(acme)
    client = browser(acme)
    other = acme.memberships.order_by("id").last()
    assert made.member
    assert other

    assert f'id="card-{made.id}"' in text(client.get(f"/gallery?member={made.member.pk}"))
    page = text(client.get(f"/gallery?member={other.pk}"))
    assert "Nothing fits this filter" in page
    assert f'<option value="{other.pk}" selected>' in page
