"""Fetches a job's input files, as a vendor does before it works.

Only files behind names that stand for a real server on this machine are fetched; what the simulated
internet plays needs no fetching. A file that cannot be had ends the job as INPUT_DOWNLOAD_ERROR.
"""

import asyncio
from typing import Any

from seedance_saas.simulators.internet import FetchFailed
from seedance_saas.simulators.jobs import Job
from seedance_saas.simulators.world import World

_running: set[asyncio.Task[None]] = set()  # the event loop keeps only weak references


def addresses(job_input: dict[str, Any]) -> list[str]:
    """Every file address in an input, whatever the fields are called."""
    found: list[Any] = []
    for name, value in job_input.items():
        if name.endswith(("_url", "_urls")):
            found += value if isinstance(value, list) else [value]
    return [item for item in found if isinstance(item, str)]


def start(world: World, job: Job) -> None:
    """Fetch in the background if the job waits for its inputs."""
    if job.inputs_pending:
        task = asyncio.create_task(_fetch(world, job))
        _running.add(task)
        task.add_done_callback(_running.discard)


def resume(world: World) -> None:
    for job in world.jobs.with_pending_inputs():
        start(world, job)


async def _fetch(world: World, job: Job) -> None:
    failure = ""
    for address in addresses(job.input):
        if world.internet.origin(address):
            try:
                await world.internet.fetch(address)
            except FetchFailed:
                failure = "download"
    world.jobs.inputs_fetched(job.id, failure)
