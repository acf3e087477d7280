"""The cache that all processes share: what is added at the same time is added once."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models.functions import Now

from seedance_saas import shared_cache
from seedance_saas.models import Remembered
from tests.race import race


def test_a_value_is_there_until_its_time_is_over(db: None) -> None:
    cache.set("a", [1.5, "two"], 60)
    assert cache.get("a") == [1.5, "two"]
    assert cache.get_many(["a", "b"]) == {"a": [1.5, "two"]}

    Remembered.objects.update(expires_at=Now() - timedelta(seconds=5))

    assert cache.get("a", "gone") == "gone"
    assert shared_cache.forget() == 1
    assert not Remembered.objects.exists()


def test_what_is_there_is_not_added_again_and_what_is_over_is(db: None) -> None:
    assert cache.add("a", 1, 60)
    assert not cache.add("a", 2, 60)
    assert cache.get("a") == 1

    Remembered.objects.update(expires_at=Now() - timedelta(seconds=5))

    assert cache.add("a", 3, 60)
    assert cache.get("a") == 3


def test_what_is_deleted_is_gone(db: None) -> None:
    cache.set("a", 1, 60)
    assert cache.delete("a")
    assert not cache.delete("a")
    assert cache.get("a") is None


def test_of_those_who_add_at_once_one_wins(transactional_db: None) -> None:
    won = race([lambda: cache.add("a", 1, 60)] * 8)
    assert sorted(map(bool, won)) == [False] * 7 + [True]
