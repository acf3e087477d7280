"""A process that is killed outright, with kill -9, leaves no file that is not swept and loses no generation."""

import os
import signal
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connections
from django.utils.functional import empty

from generations import fetcher, stored_files, tasks, uploads
from generations.models import Generation, StoredFile, Upload
from seedance_saas import scratch
from tests.generations.files import picture
from tests.generations.steps import Line, lose_tasks
from tests.generations.test_uploads import objects
from tests.upstream import clip

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]
ON_EVERY_STORAGE = True
URL = "https://acme.example/kite.jpg"


def die(*args: Any, **how: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def half_written(storage: Any, name: str, content: "File[bytes]") -> str:
    """What a storage has done when it is killed in the middle."""
    if isinstance(storage, FileSystemStorage):  # a bucket has an object as a whole or not at all
        path = Path(storage.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read(100))
    return str(die())


def then_die(work: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **how: Any) -> Any:
        work(*args, **how)
        die()

    return wrapped


# Where it is killed: before the object is written, in its middle, and behind it.
PLACES: list[tuple[str, Any, str, Any]] = [
    ("before", stored_files, "_write", die),
    ("in the middle", None, "_save", half_written),
    ("behind", stored_files, "_write", then_die(stored_files._write)),
]
places = pytest.mark.parametrize("place", PLACES, ids=[name for name, *_ in PLACES])


def killed(work: Callable[[], Any], place: tuple[str, Any, str, Any]) -> None:
    """Do the work in a process of its own, which is killed at that place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other threads of the tests are not needed in it
        child = os.fork()
    if child == 0:
        try:
            for connection in connections.all():
                connection.connection = None  # the parent's: neither used nor closed
            _, owner, name, instead = place
            default_storage._wrapped = empty  # type: ignore[attr-defined]  # its connections, too
            default_storage.exists("any")
            setattr(owner or type(default_storage._wrapped), name, instead)  # type: ignore[attr-defined]
            work()
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def swept(line: Line) -> None:
    """All that is half done is given up by then, and what was fetched for nothing is kept no longer."""
    line.clock.shift(timedelta(days=2))
    tasks.forget_files()
    assert list(scratch.root().iterdir()) == []


@places
def test_an_upload_that_is_killed_leaves_nothing(line: Line, tmp_path: Path, place: Any) -> None:
    path = tmp_path.parent / f"{tmp_path.name}-kite"
    path.write_bytes(picture())

    killed(lambda: uploads.receive(line.organization, path), place)
    assert StoredFile.objects.count() == 1
    assert len(list(scratch.root().iterdir())) == 1

    swept(line)
    assert objects() == []
    assert not StoredFile.objects.exists()
    assert not Upload.objects.exists()


@places
def test_a_generation_whose_preparing_is_killed_goes_on(line: Line, place: Any) -> None:
    line.upstream.files[URL] = picture()
    generation = line.prepare()

    killed(fetcher.run, place)
    line.held(generation, "preparing")
    line.sweep(fetcher.LEASE.total_seconds() + 1)
    line.sweep(1)

    assert line.now(generation).state in {"running", "submitting"}
    swept(line)
    named = set(StoredFile.objects.values_list("name", flat=True))
    assert set(objects()) == named
    assert len(named) == 1  # it is still on its way, and its file is kept for it


@places
def test_a_generation_whose_collecting_is_killed_is_collected_once(line: Line, place: Any) -> None:
    generation = line.collecting()

    killed(lambda: tasks.collect(generation.pk), place)
    lose_tasks()
    line.held(generation, "collecting")
    line.sweep(76)

    line.charged(generation, 451_600)
    line.clock.shift(timedelta(hours=3))
    tasks.forget_files()
    ended = Generation.objects.get(pk=generation.pk)
    assert sorted(objects()) == sorted([ended.video_file, ended.poster_file, ended.preview_file])
    with default_storage.open(ended.video_file) as file:
        assert file.read() == clip(4)


@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_deletion_that_is_killed_is_done_again(line: Line, tmp_path: Path, place: str) -> None:
    path = tmp_path.parent / f"{tmp_path.name}-kite"
    path.write_bytes(picture())
    upload = uploads.receive(line.organization, path)
    default_storage.exists("any")
    delete = type(default_storage._wrapped).delete  # type: ignore[attr-defined]
    instead = die if place == "before" else then_die(delete)

    killed(lambda: uploads.delete(upload), ("", None, "delete", instead))
    assert StoredFile.objects.get().state == "leaving"

    swept(line)
    assert objects() == []
    assert not StoredFile.objects.exists()
