"""The embedded server runs while somebody uses it, and not much longer."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from seedance_saas import database
from tests.kernel.programs import is_alive, wait_until
from tests.settings import ROOT

# Uses the server until its standard input ends.
USER = """
import pathlib, sys
from seedance_saas import database
print(database.embedded_url(pathlib.Path(sys.argv[1]), durable=False), flush=True)
sys.stdin.read()
"""

Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def start_user(tmp_path: Path) -> Iterator[Start]:
    users: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        user = subprocess.Popen(
            [sys.executable, "-c", USER, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        users.append(user)
        return user

    yield start
    for user in users:
        user.communicate()
    assert not is_running(tmp_path)


def url_of(user: subprocess.Popen[str]) -> str:
    assert user.stdout
    return user.stdout.readline().strip()


def end(user: subprocess.Popen[str]) -> None:
    user.communicate()
    assert user.returncode == 0


def answers(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def is_running(data_dir: Path) -> bool:
    return (data_dir / "postgres" / "postmaster.pid").exists()


def test_three_at_once_make_one_server_and_the_last_one_stops_it(
    start_user: Start, tmp_path: Path
) -> None:
    users = [start_user() for _ in range(3)]
    urls = {url_of(user) for user in users}
    assert len(urls) == 1

    end(users[1])
    end(users[0])
    assert answers(urls.pop())

    end(users[2])
    assert not is_running(tmp_path)


def test_a_killed_user_neither_stops_the_server_nor_keeps_it(
    start_user: Start, tmp_path: Path
) -> None:
    killed, survivor = start_user(), start_user()
    url_of(killed)
    url = url_of(survivor)

    killed.kill()
    killed.wait()
    assert answers(url)

    end(survivor)
    assert not is_running(tmp_path)


@pytest.mark.thorough
def test_after_a_crash_of_the_server_the_next_user_starts_it_again(
    start_user: Start, tmp_path: Path
) -> None:
    first = start_user()
    url_of(first)
    postmaster = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(postmaster), seconds=5)

    second = start_user()
    assert answers(url_of(second))

    end(first)
    assert answers(url_of(start_user()))


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ImproperlyConfigured, match=r"cannot use .*/file: File exists\."):
        database.embedded_url(tmp_path / "file")
