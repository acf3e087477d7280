"""What can be set. The object is read at every use, so a test may turn a knob while it runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

Dialect = Literal["A", "B", "both"]


@dataclass
class SimulatorConfig:
    """Options of one simulator process. Units are in the names."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    public_url: str = ""  # where others reach us; empty: http://host:port
    work_seconds: float = 8.0  # pretended work, give or take a fifth, the same for the same job
    webhook_retry_seconds: float = 10.0
    webhook_timeout_seconds: float = 30.0
    dialect: Dialect = "both"
    open_1080p: bool = False
    documented_executions: bool = False  # lists show only what the API reference promises
    creates_per_minute: int = 100
    concurrent_jobs: int = 10
    balance_usd: Decimal = Decimal("1000.00")
    # Public names that stand for real servers on this machine: {"media.example.com": origin}.
    names: dict[str, str] = field(default_factory=dict)
    stripe_webhook_secret: str = ""  # of every endpoint that is made; empty: a new one each
    stripe_webhooks_by_hand: bool = False  # nobody sends; see stripe.deliveries
    stripe_webhook_retry_seconds: float = 5.0  # before the second attempt, doubled each time
    stripe_async_seconds: float = 30.0  # until a bank debit or a pending refund is decided
    clock: Callable[[], float] = time.time

    @property
    def url(self) -> str:
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    def now_ms(self) -> int:
        return int(self.clock() * 1000)
