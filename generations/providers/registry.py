"""Which providers there are, by name, with the keys of the settings, and who makes whose videos.

SOLD_THROUGH is the one place that says through whom we sell: those with an adapter. What another provider
opens or closes is read, kept and told, and changes nothing on sale until its name stands here. Beside them
the simulator makes what sandboxes ask for, whatever keys there are: their credits are free.
"""

from functools import cache

from django.conf import settings

from accounts.models import Organization
from generations.providers.base import Provider, SchemaReader
from generations.providers.eachlabs import EachLabs
from generations.providers.fal_schemas import FalSchemas
from generations.providers.oxen_schemas import OxenSchemas

SOLD_THROUGH = ("eachlabs",)
SIMULATOR = "simulator"
NAMES = (*SOLD_THROUGH, SIMULATOR)
SIMULATOR_SLOTS = 10  # as many as it runs at once unless it is told otherwise


def name_for(organization: Organization) -> str:
    """Who makes its videos."""
    return SIMULATOR if organization.is_sandbox else SOLD_THROUGH[0]


@cache
def get(name: str) -> Provider:
    """One client per process: it keeps its connections. KeyError for a name that is none."""
    url, api_key = {
        "eachlabs": (settings.EACHLABS_URL, settings.EACHLABS_API_KEY or "simulated"),
        SIMULATOR: (f"{settings.SIMULATOR_URL}/eachlabs", "simulated"),
    }[name]
    return EachLabs(url, api_key)


def slots(name: str) -> int:
    """How many jobs the provider runs at once for our key."""
    return {"eachlabs": int(settings.EACHLABS_CONCURRENCY), SIMULATOR: SIMULATOR_SLOTS}[name]


def own_files_at(name: str) -> str:
    """Where the provider's files lie if that is no public address; empty for a real one."""
    is_real = name != SIMULATOR and settings.EACHLABS_API_KEY
    return "" if is_real else f"{settings.SIMULATOR_URL}/cdn"


def schema_readers() -> dict[str, SchemaReader]:
    """Who can be asked what is offered: those through whom we sell, and those whose key we have."""
    readers: dict[str, SchemaReader] = {name: get(name) for name in SOLD_THROUGH}
    if settings.FAL_KEY:
        readers["fal"] = FalSchemas(settings.FAL_SCHEMAS_URL, settings.FAL_KEY)
    if settings.OXEN_API_KEY:
        readers["oxen"] = OxenSchemas(settings.OXEN_URL, settings.OXEN_API_KEY)
    return readers
