"""`@Image1`, `@Video2`, `@Audio1`: which file a prompt means, and what a provider that counts otherwise calls it."""

import re
from collections.abc import Callable, Mapping, Sequence

from generations import catalog

MENTION = re.compile(r"(?<!\w)@(Image|Video|Audio)([0-9]+)\b")
OURS = catalog.FILE_ORDER["eachlabs"]  # ours is EachLabs' order


def of(prompt: str) -> list[tuple[str, int]]:
    """Every mention, as often as it stands there: ("Image", 1)."""
    return [(kind, int(number[:4])) for kind, number in MENTION.findall(prompt)]


def as_given(field: str, position: int) -> str:
    """Into the provider's field of the same name."""
    return field


def for_provider(
    provider: str,
    prompt: str,
    files: Mapping[str, Sequence[str]],
    put: Callable[[str, int], str] = as_given,
) -> str:
    """The prompt with every mention in the provider's count.

    `put` says into which of its fields the file at `position` of our `field` goes. A mention of a file that
    was not given stays as it is.
    """
    numbers = {
        (kind, ours): theirs
        for kind, order in catalog.FILE_ORDER[provider].items()
        for ours, theirs in enumerate(_numbers(kind, order, files, put), start=1)
    }

    def renumbered(found: re.Match[str]) -> str:
        kind, number = found[1], int(found[2][:4])
        return f"@{kind}{numbers.get((kind, number), found[2])}"

    return MENTION.sub(renumbered, prompt)


def _numbers(
    kind: str,
    order: Sequence[str],
    files: Mapping[str, Sequence[str]],
    put: Callable[[str, int], str],
) -> list[int]:
    """What the provider calls each of our files of this kind, in our order. Within a field ours stays."""
    fields = [
        put(field, position)
        for field in OURS[kind]
        for position in range(len(files.get(field, ())))
    ]
    as_counted = sorted(range(len(fields)), key=lambda place: order.index(fields[place]))
    return [as_counted.index(place) + 1 for place in range(len(fields))]
