"""Files that clients hand to a vendor: put under an address that was signed, then seen under a public one.

Source: EachLabs, storage (presign, 2026-07): 100 MB, a quarter of an hour to put it, 180 days to live.
"""

import hmac
import json
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from seedance_saas.simulators.config import SimulatorConfig

BYTES_MAX = 100_000_000
PUT_MS = 15 * 60 * 1000
SECONDS_MIN, SECONDS_MAX, SECONDS_DEFAULT = 60, 365 * 86_400, 180 * 86_400
HOST = "storage.eachlabs.ai"


@dataclass(frozen=True)
class Hosted:
    id: str
    content_type: str
    token: str
    put_until_ms: int
    expires_at_ms: int

    @property
    def public_url(self) -> str:
        return f"https://{HOST}/{self.id}"


class HostedFiles:
    """A folder with two files for each: what it is, and its content once it was put."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._folder = config.data_dir / "hosted"

    def announce(self, content_type: str, seconds: int) -> Hosted:
        now_ms = self._config.now_ms()
        seconds = max(SECONDS_MIN, min(seconds, SECONDS_MAX))
        file = Hosted(
            id=str(uuid.uuid4()),
            content_type=content_type,
            token=secrets.token_urlsafe(16),
            put_until_ms=now_ms + PUT_MS,
            expires_at_ms=now_ms + seconds * 1000,
        )
        self._folder.mkdir(exist_ok=True)
        self._facts(file.id).write_text(json.dumps(asdict(file)))
        return file

    def find(self, id: str) -> Hosted | None:
        """None for what was never announced, was deleted or has expired."""
        try:
            facts = self._facts(str(uuid.UUID(id)))
            file = Hosted(**json.loads(facts.read_text()))
        except (ValueError, FileNotFoundError):
            return None
        return file if file.expires_at_ms > self._config.now_ms() else None

    def may_put(self, file: Hosted, token: str) -> bool:
        in_time = file.put_until_ms > self._config.now_ms()
        return in_time and hmac.compare_digest(file.token.encode(), token.encode())

    def content(self, file: Hosted) -> Path:
        return self._folder / file.id

    def delete(self, file: Hosted) -> None:
        self.content(file).unlink(missing_ok=True)
        self._facts(file.id).unlink(missing_ok=True)

    def _facts(self, id: str) -> Path:
        return self._folder / f"{id}.json"
