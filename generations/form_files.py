"""The files of the Create form: sent with it or by themselves, and shown with a picture and their name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.http import QueryDict
from django.utils import timezone

from accounts.models import Membership
from generations import catalog, inputs, media, mentions, uploads
from generations.forms import FILE_LISTS, CreateForm
from generations.models import Upload
from seedance_saas.errors import Refusal

NAME_LENGTH_SHOWN = 60


class NoPlace(Exception):
    """The form has no field, or no room, for a file of this kind."""


@dataclass(frozen=True)
class Shown:
    """One file as the form lists it. `picture` and `film` are addresses to be seen, empty if there is none."""

    mention: str  # "@Image1"
    is_mentioned: bool
    field: str
    index: int  # in its field
    is_first: bool
    is_last: bool  # of those among which it may be moved
    facts: str
    picture: str = ""
    film: str = ""

    @property
    def index_text(self) -> str:
        return str(self.index)


def receive(membership: Membership, file: "UploadedFile[Any]") -> Upload:
    """An upload of the member's. Raises UploadRefused or StorageFull."""
    assert isinstance(file, TemporaryUploadedFile), type(file)
    return uploads.receive(
        membership.organization, Path(file.temporary_file_path()), member=membership
    )


def attach(
    membership: Membership, form: CreateForm, files: "Iterable[UploadedFile[Any]]"
) -> CreateForm:
    """The form with these files in its fields; what could not be taken is said beside them."""
    data = QueryDict(mutable=True)
    data.update(form.data)
    problems = []
    for file in files:
        try:
            upload = receive(membership, file)
            _place(data, upload.stored.content_type.split("/")[0], f"upload:{upload.id}")
        except Refusal as refusal:
            problems.append(f"{_name(file)}: {refusal.message}")
        except NoPlace as problem:
            problems.append(f"{_name(file)}: {problem}")
    fresh = CreateForm(data)
    for words in problems:
        fresh.add_error("sent_files", words)
    return fresh


def _name(file: "UploadedFile[Any]") -> str:
    return (file.name or "file")[:NAME_LENGTH_SHOWN]


def _place(data: QueryDict, kind: str, reference: str) -> None:
    """Write it where a file of its kind belongs. Text to video takes none, so it becomes references."""
    if data.get("family") == "text":
        data["family"] = "reference"
    if data.get("family") == "reference":
        name = f"{kind}_urls"
        data[name] = "\n".join([*data.get(name, "").split(), reference])
        return
    if kind != "image":
        raise NoPlace("Image to video takes images alone. Start from references instead.")
    free = [name for name in ("image_url", "end_image_url") if not data.get(name, "").strip()]
    if not free:
        raise NoPlace("Both frames are given already.")
    data[free[0]] = reference


def shown(membership: Membership, form: CreateForm) -> list[Shown]:
    """Every file that stands in the form, in the order in which a prompt counts them."""
    typed = form.typed
    given = [
        (name, index, value)
        for name in form.model.fields
        for index, value in enumerate(
            (typed[name] or "").split()[: None if name in FILE_LISTS else 1]
        )
    ]
    ids = [found[1] for _, _, value in given if (found := inputs.UPLOAD.fullmatch(value))]
    known = {
        upload.id: upload
        for upload in Upload.objects.filter(
            organization=membership.organization, pk__in=ids, expires_at__gt=timezone.now()
        ).select_related("stored")
    }
    mentioned = {f"@{kind}{number}" for kind, number in mentions.of(typed["prompt"] or "")}
    counts = dict.fromkeys(("image", "video", "audio"), 0)
    rows = []
    for name, index, value in given[: catalog.FILES_MAX * 2]:
        kind = inputs.kind_of(name)
        counts[kind] += 1
        mention = f"@{kind.capitalize()}{counts[kind]}"
        upload = known.get(value.removeprefix("upload:"))
        alike = [other for other in given if inputs.kind_of(other[0]) == kind]
        # A frame may change places with the other one, even if that is empty.
        is_frame = name not in FILE_LISTS
        rows.append(
            Shown(
                mention,
                mention in mentioned,
                name,
                index,
                is_first=(name == "image_url") if is_frame else index == 0,
                is_last=(name == "end_image_url") if is_frame else index == len(alike) - 1,
                **_looks(kind, value, upload),
            )
        )
    return rows


def _looks(kind: str, value: str, upload: Upload | None) -> dict[str, str]:
    """What is said of a file, and where it is seen. A picture is shown small."""
    if upload is None:
        is_gone = value.startswith("upload:")
        words = "not there any more" if is_gone else re.sub("^https://", "", value)
        return {"facts": words[:NAME_LENGTH_SHOWN]}
    stored, url = upload.stored, uploads.url(upload)
    facts = [f"{stored.width} × {stored.height}"] if stored.width else []
    if stored.milliseconds:
        facts.append(f"{stored.milliseconds / 1000:.1f} s")
    return {
        "facts": " · ".join([*facts, _size(stored.bytes)]),
        "picture": media.small(url) or "" if kind == "image" else "",
        "film": url if kind == "video" else "",
    }


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{-(-size // 1000)} KB"
