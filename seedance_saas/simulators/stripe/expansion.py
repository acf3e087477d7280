"""`expand[]`: ids become objects, and fields that are left out otherwise appear."""

from typing import Any

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.registry import INCLUDABLE

DEPTH_MAX = 4


def answer(call: Call, body: Json, paths: list[str]) -> Json:
    """The body as it is shown, with what `paths` asks for."""
    shown: Json = visible(body)
    for path in paths:
        names = path.split(".")
        if len(names) - (names[0] == "data") > DEPTH_MAX:
            raise invalid(
                f"You cannot expand more than {DEPTH_MAX} levels of a property. Property: {path}",
            )
        _expand(call, shown, names, path)
    return shown


def visible(value: Any) -> Any:
    """Without the keys that the simulator keeps to itself, in the object and in those of a list."""
    if isinstance(value, list):
        return [visible(item) for item in value]
    if not isinstance(value, dict):
        return value
    is_object = "object" in value
    return {
        name: visible(item)
        for name, item in value.items()
        if not (is_object and name.startswith("_"))
    }


def _expand(call: Call, obj: Any, names: list[str], path: str) -> None:
    if isinstance(obj, list):
        for item in obj:
            _expand(call, item, names, path)
        return
    if not isinstance(obj, dict):  # null, or a deleted object: nothing to be seen in it
        return
    name, rest = names[0], names[1:]
    include = INCLUDABLE.get((obj.get("object", ""), name))
    if include is not None and obj.get(name) is None:
        stored = call.store.get(obj["id"]) or obj
        obj[name] = visible(include(call, stored))
    if name not in obj:
        if obj.get("deleted"):
            return
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    value = obj[name]
    if isinstance(value, str):
        found = call.store.get(value)
        if found is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        obj[name] = value = visible(found)
    if isinstance(value, list) and value and isinstance(value[0], str):
        value[:] = [visible(call.store.get(id)) or id for id in value]
    if rest:
        _expand(call, value, rest, path)
