"""Metadata: at most 50 keys, names to 40 and values to 500 characters; an empty value unsets."""

from collections.abc import Mapping

from seedance_saas.simulators.stripe.errors import invalid

KEYS_MAX, NAME_CHARS_MAX, VALUE_CHARS_MAX = 50, 40, 500


def merged(old: Mapping[str, str], new: object, param: str = "metadata") -> dict[str, str]:
    """What is stored after `new` came: None changes nothing, "" unsets everything."""
    if new is None:
        return dict(old)
    if not isinstance(new, Mapping):
        return {}
    result = dict(old)
    for name, value in new.items():
        if len(name) > NAME_CHARS_MAX:
            raise invalid(
                f"Metadata keys can be up to {NAME_CHARS_MAX} characters long. "
                f"Yours ({name}) is {len(name)} characters long.",
                param=param,
            )
        if "[" in name or "]" in name:
            raise invalid("Metadata keys can't include square brackets.", param=param)
        if len(value) > VALUE_CHARS_MAX:
            raise invalid(
                f"Metadata values can be up to {VALUE_CHARS_MAX} characters long, "
                f"but you passed in a value of length {len(value)}. Invalid value: {value[:100]}",
                param=f"{param}[{name}]",
            )
        if value == "":
            result.pop(name, None)
        else:
            result[name] = value
    if len(result) > KEYS_MAX:
        raise invalid(
            f"You can only have {KEYS_MAX} metadata keys on an object. "
            f"You tried to set {len(result)}.",
            param=param,
        )
    return result
