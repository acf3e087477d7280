"""What the modules register where it is written: endpoints, hosted pages, timers, includable fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json

Handler = Callable[[Call], Json]
PageHandler = Callable[[Call], Response]
TimerHandler = Callable[..., None]
Includer = Callable[[Call, Json], Any]


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    params: str | None
    run: Handler


@dataclass(frozen=True)
class Page:
    method: str
    path: str
    run: PageHandler


ENDPOINTS: list[Endpoint] = []
CONTROLS: list[Endpoint] = []
PAGES: list[Page] = []
TIMERS: dict[str, TimerHandler] = {}
INCLUDABLE: dict[tuple[str, str], Includer] = {}


def endpoint(method: str, path: str, params: str | None = None) -> Callable[[Handler], Handler]:
    """An address of the API. The first that matches wins: register `/x/search` before `/x/{id}`."""

    def register(run: Handler) -> Handler:
        ENDPOINTS.append(Endpoint(method, path, params, run))
        return run

    return register


def control(method: str, path: str) -> Callable[[Handler], Handler]:
    """An address of the simulator itself, below /control: no key; `call.params` is the JSON body."""

    def register(run: Handler) -> Handler:
        CONTROLS.append(Endpoint(method, path, None, run))
        return run

    return register


def page(method: str, path: str) -> Callable[[PageHandler], PageHandler]:
    """A page for people: no key, `call.params` is the query or the form as it came."""

    def register(run: PageHandler) -> PageHandler:
        PAGES.append(Page(method, path, run))
        return run

    return register


def timer(name: str) -> Callable[[TimerHandler], TimerHandler]:
    """Work for later: `run(call, **arguments)` at the time set by `call.later`."""

    def register(run: TimerHandler) -> TimerHandler:
        TIMERS[name] = run
        return run

    return register


def includable(kind: str, field: str) -> Callable[[Includer], Includer]:
    """A field that is left out of the object unless `expand` asks for it: `run(call, obj)`."""

    def register(run: Includer) -> Includer:
        INCLUDABLE[kind, field] = run
        return run

    return register
