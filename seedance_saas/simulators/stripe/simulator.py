"""The application: its state, its clock and its addresses."""

import logging

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seedance_saas.simulators.config import SimulatorConfig
from seedance_saas.simulators.stripe import answers, registry
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.deliveries import Deliveries
from seedance_saas.simulators.stripe.faults import Faults
from seedance_saas.simulators.stripe.sender import Sender
from seedance_saas.simulators.stripe.store import Store
from seedance_saas.simulators.wire import json_response

logger = logging.getLogger(__name__)


class StripeSimulator(Starlette):
    """Mounted at /stripe, or driven directly. `run` is the loop that sends webhooks and lets time pass."""

    def __init__(self, config: SimulatorConfig) -> None:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        self.config = config
        self.store = Store(config.data_dir / "stripe.sqlite3")
        self.faults = Faults()
        self.deliveries = Deliveries(self)
        self.sender = Sender(self)

        async def deliver(_: Request) -> Response:
            return json_response({"sent": await self.sender.send_all()})

        async def reset(_: Request) -> Response:
            self.reset()
            return json_response({"status": "ok"})

        super().__init__(
            routes=[
                Route("/reset", reset, methods=["POST"]),
                Route("/control/deliver", deliver, methods=["POST"]),
                *(answers.control_route(self, control) for control in registry.CONTROLS),
                *(answers.page_route(self, page) for page in registry.PAGES),
                *(answers.api_route(self, endpoint) for endpoint in registry.ENDPOINTS),
            ],
            exception_handlers={404: answers.unrecognized, 405: answers.unrecognized},
        )
        self.router.redirect_slashes = False

    @property
    def url(self) -> str:
        return f"{self.config.url}/stripe"

    def now_ms(self) -> int:
        """The simulator's time: the real one and what `advance` has turned it ahead."""
        ahead: int = self.store.setting("ahead_ms", 0)
        return self.config.now_ms() + ahead

    def advance(self, target_ms: int) -> None:
        """Everything that falls due until then happens at its own time; then it is then."""
        self.catch_up(target_ms)
        with self.store.transaction():
            self.store.set("ahead_ms", max(0, target_ms - self.config.now_ms()))

    def catch_up(self, until_ms: int | None = None) -> None:
        """Run the timers that are due, in order, each in its own transaction and at its own time."""
        until_ms = self.now_ms() if until_ms is None else until_ms
        next_due = "SELECT * FROM timers WHERE at_ms <= ? ORDER BY at_ms, id LIMIT 1"
        while self.store.connection.execute(next_due, (until_ms,)).fetchone():
            with self.store.transaction():
                row = self.store.connection.execute(next_due, (until_ms,)).fetchone()
                if row is None:  # another thread was quicker
                    return
                self.store.connection.execute("DELETE FROM timers WHERE id = ?", (row["id"],))
                answers.run_timer(Call(self, row["at_ms"]), row["name"], row["arguments"])

    async def run(self) -> None:
        await self.sender.run()

    def reset(self) -> None:
        """Forget everything, heal every fault, turn the clock back."""
        self.store.clear()
        self.faults.clear()

    def close(self) -> None:
        self.store.close()
