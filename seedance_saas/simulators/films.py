"""Renders each file once, on demand, away from the event loop, and keeps it.

A file is a function of what it is named after, so one that was lost or abandoned is rendered again.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from seedance_saas.simulators import film, stills
from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.order import FilmOrder

WORKERS = 2


class Source(Protocol):
    """Where pictures come from that stand on a real server (internet.Internet)."""

    def origin(self, url: str) -> str | None: ...

    async def fetch(self, url: str) -> bytes: ...


class FilmLibrary:
    def __init__(self, config: SimulatorConfig, source: Source) -> None:
        self._folder = config.data_dir / "files"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._source = source
        self._executor = ThreadPoolExecutor(WORKERS, thread_name_prefix="render")
        self._stop = threading.Event()
        self._running: dict[Path, asyncio.Task[None]] = {}

    def close(self) -> None:
        """Abandon what is being rendered; it stops at its next frame."""
        self._stop.set()
        self._executor.shutdown(cancel_futures=True)

    async def film(self, job_id: str, order: FilmOrder) -> Path:
        """The finished film of a job."""
        path = self._folder / f"{job_id}.mp4"
        if not path.exists():
            pictures = [await self._picture(url) for url in order.images]
            await self._once(path, lambda part: film.render(order, pictures, part, self._stop))
        return path

    async def public_file(self, address: str, extension: str) -> Path:
        """The file that the simulated internet has at `address`."""
        name = hashlib.sha256(address.encode()).hexdigest()[:32]
        path = self._folder / f"{name}{extension}"
        if not path.exists():
            await self._once(path, lambda part: stills.render(address, part, self._stop))
        return path

    async def _picture(self, url: str) -> bytes | str:
        """The bytes of a picture, or its address if it is to be invented."""
        if self._source.origin(url):
            try:
                return await self._source.fetch(url)
            except Exception:  # noqa: BLE001 (a film without this picture is better than none)
                return url
        return url

    async def _once(self, path: Path, render: Callable[[Path], None]) -> None:
        if path not in self._running:
            task = asyncio.create_task(self._render(path, render))
            self._running[path] = task
            task.add_done_callback(lambda _: self._running.pop(path))
        # Shielded: a reader who leaves must not take the file from the others.
        await asyncio.shield(self._running[path])

    async def _render(self, path: Path, render: Callable[[Path], None]) -> None:
        part = path.with_name(f"part-{path.name}")
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, render, part)
        part.replace(path)
