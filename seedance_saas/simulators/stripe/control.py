"""The simulator's own addresses, below /control: the clock, faults, deliveries."""

from seedance_saas.simulators.stripe.call import Call, listed
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.registry import CONTROLS, control


@control("GET", "/control")
def index(_: Call) -> Json:
    """What can be asked for here."""
    return {
        "addresses": [
            {
                "method": one.method,
                "path": one.path,
                "meaning": (one.run.__doc__ or "").partition("\n")[0],
            }
            for one in CONTROLS
        ]
    }


@control("POST", "/control/faults")
def set_faults(call: Call) -> Json:
    """`calls`: a list of {times, method, path, status, code, drop, after, delay_ms}; `webhooks`:
    {duplicate, lose, delay_ms, shuffle, off}. `path` may hold a *.
    """
    call.simulator.faults.add(call.params)
    return call.simulator.faults.shown()


@control("GET", "/control/faults")
def faults(call: Call) -> Json:
    """The faults that still wait."""
    return call.simulator.faults.shown()


@control("DELETE", "/control/faults")
def clear_faults(call: Call) -> Json:
    """Heal everything."""
    call.simulator.faults.clear()
    return call.simulator.faults.shown()


@control("GET", "/control/deliveries")
def list_deliveries(call: Call) -> Json:
    """Webhooks sent, waiting, lost and given up, with every attempt. POST /control/deliver sends what waits."""
    return listed(call.simulator.deliveries.all(), "/control/deliveries")


@control("GET", "/control/clock")
def clock(call: Call) -> Json:
    """The simulator's time, in seconds."""
    return {"now": call.now}


@control("POST", "/control/advance")
def advance(call: Call) -> Json:
    """`seconds` ahead, or `to` a time: everything that falls due until then happens, in order."""
    seconds, to = call.params.get("seconds"), call.params.get("to")
    if isinstance(to, int):
        target_ms = to * 1000
    elif isinstance(seconds, int):
        target_ms = call.now_ms + seconds * 1000
    else:
        raise invalid("Give seconds or to, a whole number.", param="seconds")
    if target_ms < call.now_ms:
        raise invalid("The clock can only go ahead.", param="to")
    call.simulator.advance(target_ms)
    return {"now": target_ms // 1000}
