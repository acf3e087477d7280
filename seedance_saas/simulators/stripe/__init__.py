"""Stripe, https://api.stripe.com, API version 2026-10-28.endive, with its hosted pages.

Written from Stripe's documentation and from the typed parameters and resources of its own Python
library, never from our product's side of it.

The modules of this package are the kernel, those of its subpackages what Stripe can do; all are
imported below. An endpoint is a plain function, registered where it is written:

    @endpoint("POST", "/v1/customers/{id}", "CustomerUpdateParams")
    def update(call: Call) -> Json:
        customer = call.get("customer", call.path["id"])
        customer["name"] = call.params.get("name", customer["name"])
        return call.save(customer, "customer.updated")

Its third argument names the library's parameter class below `stripe.params` ("checkout.SessionCreateParams");
`call.params` holds the values checked against it. The function runs in one transaction: a `StripeError`
takes all back, unless it is a card's decline. `call.save` writes the object and one event of each type
named, with `previous_attributes` against what was stored; `call.page` answers a list; `call.now` is the
time in seconds; `call.later` sets a `@timer` that runs in order when its time comes, by the loop, by the
next request or by `POST /stripe/control/advance`. A hosted page is a `@page`. Keys of an object that begin with an
underscore are never shown. `expand` works by itself: ids are looked up; what is shown only when asked for is
registered with `@includable`.

Whoever takes events (a webhook endpoint, a destination) is an object with `status`, `enabled_events`, its
`url` and private `_secrets`; `deliveries.plan` queues a message for it. A test without a network takes
them by `simulator.deliveries.pending()` and `mark`, with `config.stripe_webhooks_by_hand` set.
"""

import importlib
import pkgutil

from seedance_saas.simulators.stripe.registry import CONTROLS
from seedance_saas.simulators.stripe.simulator import StripeSimulator
from seedance_saas.simulators.world import World

__all__ = ["StripeSimulator", "control_addresses", "create_app"]

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)


def create_app(world: World) -> StripeSimulator:
    """Stripe as a Starlette application. Its state is in `config.data_dir` and survives a restart."""
    return StripeSimulator(world.config)


def control_addresses() -> set[str]:
    """The simulator's own addresses, below /stripe."""
    return {control.path for control in CONTROLS}
