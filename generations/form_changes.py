"""What a change of the Create form does to the files in it: another model takes others, and they can be moved.

Nothing that was given is lost. What a model does not take is laid aside, in a field of its own, and comes back
with a model that takes it.
"""

import re
from dataclasses import dataclass, field

from django.http import QueryDict

from generations import catalog, inputs, offers
from generations.catalog import Family
from generations.forms import FILE_LISTS, CreateForm

FRAMES = ("image_url", "end_image_url")
KINDS = {"image": "image", "video": "video", "audio": "sound"}
ORDERS = re.compile(r"(earlier|later|remove):([a-z_]+):([0-9]{1,2})")


@dataclass(frozen=True)
class Fitted:
    """The form as its model takes it, and what had to change for that, in words."""

    form: CreateForm
    changes: list[str] = field(default_factory=list)


def fit(form: CreateForm) -> Fitted:
    """What was typed for one model, as far as another takes it; the rest is laid aside. A repeat changes nothing."""
    typed, model = form.typed, form.model
    shown = catalog.find(typed["model_shown"] or "") or model
    stray = {
        kind: [
            value
            for name in (*FRAMES, *FILE_LISTS)
            if name not in model.fields and inputs.kind_of(name) == kind
            for value in (typed[name] or "").split()
        ]
        for kind in KINDS
    }
    kept = (typed["aside"] or "").split()
    if shown.family != model.family:
        for kind in KINDS:
            stray[kind] += [_file(line) for line in kept if line.startswith(f"{kind}=")]
        kept = []
    data = QueryDict(mutable=True)
    data.update(form.data)
    for name in (*FRAMES, *FILE_LISTS):
        if name not in model.fields:
            data.pop(name, None)
    left = _place(data, model.family, stray)
    data["aside"] = "\n".join(
        [*kept, *(f"{kind}={value}" for kind in left for value in left[kind])]
    )
    data["model_shown"] = model.slug
    changes = _said(model, left)
    if shown != model:
        changes += _options(data, model)
    return Fitted(CreateForm(data), changes)


def _place(data: QueryDict, family: Family, stray: dict[str, list[str]]) -> dict[str, list[str]]:
    """Put what has no field of its own where the family takes it; what is left."""
    if family == Family.TEXT:
        return stray
    if family == Family.REFERENCE:
        for kind, values in stray.items():
            present = data.get(f"{kind}_urls", "").split()
            if values:
                data[f"{kind}_urls"] = "\n".join([*present, *values])
        return {}
    images = list(stray["image"])
    for name in FRAMES:
        if images and not data.get(name, "").strip():
            data[name] = images.pop(0)
    return stray | {"image": images}


def _said(model: catalog.Model, left: dict[str, list[str]]) -> list[str]:
    counts = [
        f"{len(values)} {KINDS[kind]}{'s' if len(values) > 1 else ''}"
        for kind, values in left.items()
        if values
    ]
    if not counts:
        return []
    takes = "no files" if model.family == Family.TEXT else "two images at most"
    words = " and ".join([", ".join(counts[:-1]), counts[-1]] if len(counts) > 1 else counts)
    return [f"{model.title} takes {takes}: {words} laid aside, until you switch back."]


def _options(data: QueryDict, model: catalog.Model) -> list[str]:
    """Options that the model does not offer become what it does."""
    offer, said = offers.of(model), []
    asked = data.get("resolution", "")
    if asked and offer.resolutions and asked not in offer.resolutions:
        data["resolution"] = offer.resolution_default
        said.append(f"{asked} is not offered by it: {data['resolution']} instead.")
    seconds = data.get("duration", "")
    if seconds.isdigit() and offer.seconds and int(seconds) not in offer.seconds:
        data["duration"] = "auto"
        said.append(f"{seconds} seconds are not offered by it: auto instead.")
    return said


def _file(line: str) -> str:
    return line.partition("=")[2]


@dataclass(frozen=True)
class Moved:
    """The form with a file at another place, and where that is now: `image_urls:0`; empty if it is gone."""

    form: CreateForm
    at: str


def arrange(form: CreateForm, order: str) -> Moved | None:
    """Do `earlier:image_urls:1`, `later:…` or `remove:…`; None for what is no such order."""
    found = ORDERS.fullmatch(order)
    if not found or found[2] not in form.model.fields:
        return None
    verb, name, index = found[1], found[2], int(found[3])
    data = QueryDict(mutable=True)
    data.update(form.data)
    names = FRAMES if name in FRAMES else (name,)
    values = _values(data, names)
    # The frames are two fields of one list: the first and the last picture.
    index = FRAMES.index(name) if name in FRAMES else index
    if index >= len(values) or not values[index]:
        return Moved(form, "")
    if verb == "remove":
        if name in FRAMES:
            values[index] = ""
        else:
            del values[index]
        place = -1
    else:
        place = index + (1 if verb == "later" else -1)
        if not 0 <= place < len(values):
            return Moved(form, f"{name}:{index}")
        values[index], values[place] = values[place], values[index]
    _write(data, names, values)
    if place < 0:
        return Moved(CreateForm(data), "")
    return Moved(CreateForm(data), f"{names[place]}:0" if name in FRAMES else f"{name}:{place}")


def _values(data: QueryDict, names: tuple[str, ...]) -> list[str]:
    if names == FRAMES:
        return [data.get(name, "").strip() for name in names]
    return data.get(names[0], "").split()


def _write(data: QueryDict, names: tuple[str, ...], values: list[str]) -> None:
    if names == FRAMES:
        for name, value in zip(names, values, strict=True):
            data[name] = value
    else:
        data[names[0]] = "\n".join(values)
