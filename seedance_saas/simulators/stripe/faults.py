"""What can be made to go wrong: calls that fail or lose their answer, webhooks that misbehave.

Kept in memory: a restart or a reset heals everything.
"""

import fnmatch
import random
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from seedance_saas.simulators.stripe.errors import Json, StripeError, invalid

STATUSES = (429, 500, 503)
SHUFFLE_MS = 1500
# Where the default's own type does not say it.
KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("duplicate", "lose"), (int, float)),
    "status": int,
    "code": str,
}


@dataclass
class CallFault:
    """The next `times` calls that match fail with `status` or by a closed connection (`drop`).

    `after`: the work is done all the same. `delay_ms`: first wait that long, the key being in use.
    """

    times: int = 1
    method: str = "*"
    path: str = "*"
    status: int | None = None
    code: str | None = None
    drop: bool = False
    after: bool = False
    delay_ms: int = 0

    def error(self) -> StripeError:
        """The answer that is given instead."""
        if self.status == 429:
            code = self.code or "rate_limit"
            message = (
                "This object cannot be accessed right now because another API request or Stripe "
                "process is currently accessing it. If you see this error intermittently, retry "
                "the request."
                if code == "lock_timeout"
                else "Request rate limit exceeded. Learn more about rate limits here "
                "https://stripe.com/docs/rate-limits."
            )
            headers = {"Stripe-Should-Retry": "true"} if code == "lock_timeout" else {}
            return StripeError(
                429, "invalid_request_error", message, code=code, is_kept=False, headers=headers
            )
        if self.status == 500:
            return StripeError(
                500,
                "api_error",
                "An unknown error occurred",
                headers={"Stripe-Should-Retry": "false"},
            )
        return StripeError(503, "api_error", "Stripe is temporarily unavailable.", is_kept=False)


@dataclass
class WebhookFaults:
    """`duplicate` and `lose`: the next N deliveries if 1 or more, else the probability."""

    duplicate: float = 0
    lose: float = 0
    delay_ms: int = 0
    shuffle: bool = False
    off: bool = False


Fault = TypeVar("Fault", CallFault, WebhookFaults)


@dataclass
class Faults:
    calls: list[CallFault] = field(default_factory=list)
    webhooks: WebhookFaults = field(default_factory=WebhookFaults)

    def clear(self) -> None:
        self.calls.clear()
        self.webhooks = WebhookFaults()

    def take(self, method: str, path: str) -> CallFault | None:
        """The fault that hits this call, used up by it."""
        for fault in self.calls:
            if fault.method in ("*", method) and fnmatch.fnmatchcase(path, fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.calls.remove(fault)
                return fault
        return None

    def webhook_fates(self) -> list[tuple[int, bool]]:
        """What becomes of one delivery: its copies, each with a delay in ms and whether it is lost."""
        copies = 1 + self._hits("duplicate")
        fates = []
        for number in range(copies):
            # Chance that makes trouble; nothing is secured by it.
            delay = random.randint(0, SHUFFLE_MS) if self.webhooks.shuffle else 0  # noqa: S311
            is_lost = number == 0 and self._hits("lose")
            fates.append((self.webhooks.delay_ms + delay, is_lost))
        return fates

    def _hits(self, name: str) -> bool:
        value: float = getattr(self.webhooks, name)
        if value >= 1:
            setattr(self.webhooks, name, value - 1)
            return True
        return random.random() < value  # noqa: S311 (see above)

    def add(self, body: Json) -> None:
        """`{"calls": [{…}], "webhooks": {…}}`; a fault of calls may also stand alone."""
        calls = body.get("calls", [])
        if not body.keys() <= {"calls", "webhooks"}:
            calls = [body]
        made = [_made(CallFault(), values) for values in calls]
        for fault in made:
            if not fault.drop and fault.status not in STATUSES and not fault.delay_ms:
                raise invalid(f"status must be one of {STATUSES}, or drop true", param="status")
        webhooks = WebhookFaults(**asdict(self.webhooks))
        _made(webhooks, body.get("webhooks", {}))
        self.calls += made
        self.webhooks = webhooks

    def shown(self) -> Json:
        return asdict(self)


def _made(fault: Fault, values: Json) -> Fault:
    for name, value in values.items():
        old = getattr(fault, name, Ellipsis)
        if old is Ellipsis or name.startswith("_") or callable(old):
            raise invalid(f"Received unknown parameter: {name}", param=name)
        if not isinstance(value, KINDS.get(name, type(old))):
            raise invalid(f"Invalid {name}: {value}", param=name)
        setattr(fault, name, value)
    return fault
