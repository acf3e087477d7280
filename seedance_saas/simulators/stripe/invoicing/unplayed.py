"""What the library can send and the simulator does not play: refused by name, never ignored."""

from collections.abc import Iterable

from seedance_saas.simulators.stripe.errors import Json, invalid


def refuse(given: Json, names: Iterable[str], path: str = "") -> None:
    """A 400 for the first of `names` that is given, below `path`."""
    for name in names:
        if name in given:
            param = f"{path}[{name}]" if path else name
            raise invalid(f"{param} is not played here.", param=param)
