"""The public names that this process plays, at /internet/{host}/{path} and by Host header.

A played name has any file one asks for: the extension decides the kind, the address the content. A
name in `config.names` stands for a real server on this machine and is relayed to it.
"""

import hashlib
import ipaddress
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.films import FilmLibrary
from seedance_saas.simulators.hosted import HOST as HOSTED_AT
from seedance_saas.simulators.hosted import HostedFiles

# A leading "*." stands for any number of labels.
NAMES = (
    "storage.googleapis.com",
    "your-cdn.example.com",
    "cdn-us.eachlabs.ai",
    "example.com",
    "*.example.com",
    "*.example.org",
    "*.example.net",
    "*.amazonaws.com",
    "*.cloudfront.net",
    "*.eachlabs.ai",
    "*.fal.media",
    "images.unsplash.com",
    "upload.wikimedia.org",
)
KINDS = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
}
FETCH_SECONDS = 5.0
FETCH_BYTES_MAX = 60_000_000


class FetchFailed(Exception):
    """The file cannot be had: no such server, no such file, too large."""


def plays(host: str) -> bool:
    """Whether this process is that host."""
    return any(host.endswith(name[1:]) if name.startswith("*.") else host == name for name in NAMES)


def is_public_address(url: str) -> bool:
    """What a vendor can reach: HTTPS, a name with a dot or a public literal address.

    EachLabs, usage notes on the model pages: public HTTPS URLs only, no data URIs, no localhost.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    if parts.scheme != "https" or not host:
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        is_local = host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
        return "." in host and not is_local


class Internet:
    """Who is behind a name."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config

    def origin(self, url: str) -> str | None:
        """The real server behind the name in `url`, if it stands for one."""
        try:
            return self._config.names.get(urlsplit(url).hostname or "")
        except ValueError:
            return None

    async def fetch(self, url: str) -> bytes:
        """The file at a relayed address, kept, since signed addresses expire.

        Raises FetchFailed.
        """
        folder = self._config.data_dir / "inputs"
        path = folder / hashlib.sha256(url.encode()).hexdigest()
        if path.exists():
            return path.read_bytes()
        content = (await self.relay(url)).content
        folder.mkdir(exist_ok=True)
        path.write_bytes(content)
        return content

    async def relay(self, url: str) -> httpx.Response:
        """The answer of the real server behind a name. Raises FetchFailed unless it is 200."""
        parts = urlsplit(url)
        target = f"{self.origin(url)}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        timeout = httpx.Timeout(FETCH_SECONDS)
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=timeout) as client:
                response = await client.get(target)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchFailed(type(error).__name__) from error
        if response.status_code != httpx.codes.OK or len(response.content) > FETCH_BYTES_MAX:
            raise FetchFailed(f"status {response.status_code}")
        return response

    def route_by_host(self, scope: Scope) -> None:
        """A request for a played name goes to that name's files, whatever address it came by."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        is_ours = host == urlsplit(self._config.url).hostname
        if not is_ours and (plays(host) or host in self._config.names):
            scope["path"] = f"/internet/{host}{scope['path']}"
            scope["raw_path"] = scope["path"].encode()


def routes(films: FilmLibrary, internet: Internet, hosted: HostedFiles) -> list[BaseRoute]:
    async def serve(request: Request) -> Response:
        host = request.path_params["host"].lower()
        path = request.path_params["path"]
        address = f"https://{host}/{path}"
        if internet.origin(address):
            query = f"?{request.url.query}" if request.url.query else ""
            try:
                answer = await internet.relay(address + query)
            except FetchFailed:
                return PlainTextResponse("Not found", 404)
            return Response(answer.content, media_type=answer.headers.get("content-type"))
        if host == HOSTED_AT:
            file = hosted.find(path)
            if file is None or not hosted.content(file).exists():
                return PlainTextResponse("Not found", 404)
            return FileResponse(hosted.content(file), media_type=file.content_type)
        extension = PurePosixPath(path).suffix.lower()
        if not plays(host) or extension not in KINDS:
            return PlainTextResponse("Not found", 404)
        played = await films.public_file(address, extension)
        return FileResponse(played, media_type=KINDS[extension])

    return [Route("/{host}/{path:path}", serve)]
