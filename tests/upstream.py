"""EachLabs on a faked wire: our real adapter talks to it, and the test decides what it answers."""

import functools
import io
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import av
import httpx
import pytest

from generations.providers import registry
from generations.providers.eachlabs import EachLabs
from seedance_saas import http
from tests.generations.files import picture

JPEG = picture()


@functools.cache
def clip(seconds: float = 4, width: int = 864, height: int = 480) -> bytes:
    """A real MP4 of that length at 24 frames a second."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        for number in range(round(24 * seconds)):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def served(content: bytes) -> httpx.Response:
    """A file as a server sends it."""
    headers = {"Content-Length": str(len(content))}
    return httpx.Response(200, headers=headers, stream=httpx.ByteStream(content))


@dataclass
class Job:
    id: str
    body: dict[str, Any]
    status: str = "processing"
    output: Any = None
    cost: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)  # said beside the rest when it is read
    answer: dict[str, Any] | None = None  # said instead of everything when it is read


class Upstream:
    """What the provider knows. `on_submit` may replace the answer to a create, or raise."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.files: dict[str, bytes | int | Callable[[httpx.Request], httpx.Response]] = {}
        self.creates = 0
        self.cancels = 0
        self.fetches: list[str] = []
        self.cancelable = True
        self.down = False
        self.on_submit: Callable[[Job], httpx.Response | None] = lambda job: None
        self._numbers = itertools.count(1)

    def finish(self, job: Job, *, seconds: float = 4, cost: float = 0.4516) -> None:
        url = f"https://cdn-us.eachlabs.ai/{job.id}.mp4"
        self.files[url] = clip(seconds)
        job.status, job.output, job.cost = "success", url, cost

    def fail(self, job: Job, error_code: str, message: str = "It broke.") -> None:
        job.status = "error"
        job.output = {"error_code": error_code, "error_message": message}

    @property
    def job(self) -> Job:
        """The only one, or the latest."""
        return list(self.jobs.values())[-1]

    def webhook_path(self, job: Job | None = None) -> str:
        url: str = (job or self.job).body["webhook_url"]
        return "/webhooks/" + url.split("/webhooks/")[1]

    def webhook(self, job: Job | None = None, *, status: str = "succeeded") -> bytes:
        job = job or self.job
        return json.dumps({"exec_id": job.id, "status": status, "output": job.output}).encode()

    def api(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down", request=request)
        path, method = request.url.path, request.method
        if method == "POST" and path == "/v1/prediction":
            return self._create(json.loads(request.content))
        if path == "/v1/executions":
            rows = [{"id": job.id, "input": job.body["input"]} for job in self.jobs.values()]
            return httpx.Response(200, json=rows[::-1])
        match = re.fullmatch(r"/v1/prediction/([^/]+)(/cancel)?", path)
        assert match, path
        job = self.jobs.get(match[1])
        if job is None:
            return httpx.Response(404, json={"error": "Prediction not found"})
        if match[2]:
            self.cancels += 1
            if not self.cancelable or job.status != "processing":
                return httpx.Response(400, json={"error": "prediction already finished"})
            job.status = "cancelled"
            return httpx.Response(200, json={"status": "cancelled"})
        return self._read(job)

    def _read(self, job: Job) -> httpx.Response:
        if job.answer is not None:
            return httpx.Response(200, text=json.dumps(job.answer))
        body = {"id": job.id, "status": job.status, "output": job.output}
        return httpx.Response(200, json={**body, "metrics": {"cost": job.cost}, **job.extra})

    def _create(self, body: dict[str, Any]) -> httpx.Response:
        self.creates += 1
        job = Job(f"job-{next(self._numbers)}", body)
        self.jobs[job.id] = job
        answer = self.on_submit(job)
        return answer or httpx.Response(200, json={"status": "success", "predictionID": job.id})

    def file(self, request: httpx.Request) -> httpx.Response:
        """The internet: files by the address under which they were asked for."""
        url = f"https://{request.headers['host']}{request.url.path}"
        self.fetches.append(url)
        content = self.files.get(url, 404)
        if callable(content):
            return content(request)
        if isinstance(content, int):
            return httpx.Response(content)
        return served(content)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Upstream:
    settings.SIMULATED_INTERNET_URL = ""
    upstream = Upstream()
    provider = EachLabs(
        "https://api.eachlabs.ai", "key", transport=httpx.MockTransport(upstream.api)
    )
    monkeypatch.setattr(registry, "get", lambda name: provider)
    monkeypatch.setattr(http, "TRANSPORT", httpx.MockTransport(upstream.file))
    monkeypatch.setattr(http, "public_address", lambda host: "93.184.216.34")
    return upstream
