"""A bad value in the environment stops the start with a sentence that names the variable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from seedance_saas import database, env

LEVELS = ("INFO", "ERROR")


@pytest.mark.parametrize(
    ("read", "value", "problem"),
    [
        (lambda: env.text("X"), "", "X is required and is not set."),
        (lambda: env.integer("X", 1), "ten", "X must be a whole number, not 'ten'."),
        (lambda: env.integer("X", 1, at_least=1), "0", "X must be at least 1, not 0."),
        (
            lambda: env.integer("X", 1, at_least=1, at_most=9),
            "10",
            "X must be at least 1 and at most 9, not 10.",
        ),
        (lambda: env.boolean("X", default=True), "maybe", "X must be true or false, not 'maybe'."),
        (
            lambda: env.choice("X", "INFO", of=LEVELS),
            "LOUD",
            "X must be one of INFO, ERROR, not 'LOUD'.",
        ),
        (
            lambda: env.url("X", schemes=("https://",)),
            "http://key@example.com",
            "X must be a URL that begins with https://.",
        ),
    ],
)
def test_a_bad_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], Any], value: str, problem: str
) -> None:
    monkeypatch.setenv("X", value)

    with pytest.raises(ImproperlyConfigured) as refusal:
        read()

    assert str(refusal.value) == problem


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", " ")

    assert env.integer("X", 7) == 7
    assert env.boolean("X", default=True) is True
    assert env.choice("X", "INFO", of=LEVELS) == "INFO"


def test_a_choice_is_read_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "error")

    assert env.choice("X", "INFO", of=LEVELS) == "ERROR"


def test_a_secret_is_made_once_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("X", raising=False)
    file = tmp_path / "new" / "secret"

    made = env.secret("X", file=file, create=True)

    assert len(made) >= 50
    assert file.stat().st_mode & 0o777 == 0o600
    assert env.secret("X", file=file, create=False) == made
    assert [path.name for path in file.parent.iterdir()] == ["secret"]


def test_a_secret_has_no_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("X", raising=False)

    with pytest.raises(ImproperlyConfigured, match=r"^X is required and is not set\.$"):
        env.secret("X", file=tmp_path / "secret", create=False)
    assert not (tmp_path / "secret").exists()

    monkeypatch.setenv("X", "short")
    with pytest.raises(ImproperlyConfigured, match=r"^X must have at least 32 characters\.$"):
        env.secret("X", file=tmp_path / "secret", create=False)


def test_a_secret_that_cannot_be_kept_says_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("X", raising=False)
    (tmp_path / "file").touch()

    with pytest.raises(ImproperlyConfigured, match="file/secret cannot be used: File exists"):
        env.secret("X", file=tmp_path / "file" / "secret", create=True)


@pytest.mark.parametrize(
    "url", ["mysql://u:pass@host/name", "postgres://u:pass@host", "postgres://u:pass@host:no/name"]
)
def test_a_bad_database_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        database.from_url(url)

    assert str(refusal.value) == "DATABASE_URL must look like postgres://user:password@host/name."


def test_a_database_url_is_read_whole() -> None:
    read = database.from_url("postgres://u%40x:p%2Fw@db.example.com:6432/a%20b?sslmode=require")

    assert read == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "a b",
        "USER": "u@x",
        "PASSWORD": "p/w",
        "HOST": "db.example.com",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require", "connect_timeout": 5},
    }
