"""Which providers there are, by name, with the keys of the settings."""

from functools import cache

from django.conf import settings

from generations.providers.base import Provider
from generations.providers.eachlabs import EachLabs

NAMES = ("eachlabs",)


@cache
def get(name: str) -> Provider:
    """One client per process: it keeps its connections."""
    assert name == "eachlabs", name
    return EachLabs(settings.EACHLABS_URL, settings.EACHLABS_API_KEY or "simulated")


def slots(name: str) -> int:
    """How many jobs the provider runs at once for our key."""
    assert name == "eachlabs", name
    return int(settings.EACHLABS_CONCURRENCY)
