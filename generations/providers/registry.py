"""Which providers there are, by name, with the keys of the settings.

SOLD_THROUGH is the one place that says through whom we sell: those with an adapter. What another provider
opens or closes is read, kept and told, and changes nothing on sale until its name stands here.
"""

from functools import cache

from django.conf import settings

from generations.providers.base import Provider, SchemaReader
from generations.providers.eachlabs import EachLabs
from generations.providers.fal_schemas import FalSchemas
from generations.providers.oxen_schemas import OxenSchemas

SOLD_THROUGH = ("eachlabs",)


@cache
def get(name: str) -> Provider:
    """One client per process: it keeps its connections."""
    assert name == "eachlabs", name
    return EachLabs(settings.EACHLABS_URL, settings.EACHLABS_API_KEY or "simulated")


def slots(name: str) -> int:
    """How many jobs the provider runs at once for our key."""
    assert name == "eachlabs", name
    return int(settings.EACHLABS_CONCURRENCY)


def schema_readers() -> dict[str, SchemaReader]:
    """Who can be asked what is offered: those through whom we sell, and those whose key we have."""
    readers: dict[str, SchemaReader] = {name: get(name) for name in SOLD_THROUGH}
    if settings.FAL_KEY:
        readers["fal"] = FalSchemas(settings.FAL_SCHEMAS_URL, settings.FAL_KEY)
    if settings.OXEN_API_KEY:
        readers["oxen"] = OxenSchemas(settings.OXEN_URL, settings.OXEN_API_KEY)
    return readers
