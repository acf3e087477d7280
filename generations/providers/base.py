"""What every provider can do for us, and the three ways in which it can fail.

ProviderUnavailable      certainly not started: try again later, or elsewhere
ProviderRefused          will never start: release the hold
ProviderOutcomeUnknown   may have started: look before paying twice
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from generations import catalog, mentions


class ProviderUnavailable(Exception):
    """Nothing was started. `retry_after_seconds` is the provider's wish, if it had one."""

    def __init__(self, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ProviderRefused(Exception):
    """`code` is one of generations.errors.FAILURES; the message is the provider's, for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class ProviderOutcomeUnknown(Exception):
    """The request was sent and its answer was lost or could not be read."""


@dataclass(frozen=True)
class JobRequest:
    """A generation as a provider is asked for it. `end_user` is a pseudonym."""

    model: catalog.Model
    prompt: str
    resolution: str
    duration_seconds: int | None
    aspect_ratio: str
    generate_audio: bool
    seed: int | None
    files: dict[str, list[str]] = field(default_factory=dict)
    end_user: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""

    def prompt_for(self, provider: str, put: Callable[[str, int], str] = mentions.as_given) -> str:
        """The prompt as the provider counts files. `put` is that of `mentions.for_provider`."""
        return mentions.for_provider(provider, self.prompt, self.files, put)


class JobState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    LOST = "lost"  # the provider does not know it


@dataclass(frozen=True)
class JobStatus:
    state: JobState
    output_url: str = ""
    cost_microusd: int | None = None
    failure_code: str = ""
    failure_message: str = ""


class SchemaReader(Protocol):
    """What we need of a provider to know what it offers, whether we sell through it or not."""

    def schema(self, slug: str) -> dict[str, Any]:
        """The JSON Schema of a model's input as it is now; empty if the provider does not know the model.

        Raises ProviderUnavailable.
        """


class Provider(SchemaReader, Protocol):
    name: str

    def submit(self, job: JobRequest) -> str:
        """Start the job and return its id. Raises the three errors above. Never sent twice by itself."""

    def status(self, job_id: str) -> JobStatus:
        """Where the job is now. Raises ProviderUnavailable when that cannot be learned."""

    def cancel(self, job_id: str) -> bool:
        """Ask to stop. False: the provider will not. Raises ProviderUnavailable."""

    def find(self, job: JobRequest, *, sent_at: datetime) -> list[str]:
        """Ids of jobs that may be the one sent at `sent_at` whose answer was lost, best first.

        An empty list: the provider knows of none. Raises ProviderUnavailable.
        """

    def webhook_job_id(self, body: str) -> str | None:
        """Which job a webhook is about; None if it cannot be read. All else in it is only a hint."""

    def is_signed_by(self, secret: str, headers: dict[str, str], body: bytes) -> bool:
        """Is the webhook's signature right, or absent where the provider allows that?"""
