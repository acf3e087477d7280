"""The files that a generation was given, as its page shows them: from our storage, pictures small."""

from dataclasses import dataclass

from generations import inputs, media
from generations.models import Generation, InputFile
from generations.request_files import INLINE

FIELDS = ("image_url", "end_image_url", "image_urls", "video_urls", "audio_urls")
FRAMES = {"image_url": "First frame", "end_image_url": "Last frame"}


@dataclass(frozen=True)
class GivenFile:
    """`url` is empty for a file that is not here: not fetched yet, or deleted again."""

    mention: str  # "@Image1"
    kind: str
    facts: str
    source: str
    url: str = ""
    picture: str = ""
    film: str = ""


def shown(generation: Generation) -> list[GivenFile]:
    """In the order in which a prompt counts them. One query, if it was given any; none is fetched here."""
    if not any(generation.input.get(name) for name in FIELDS):
        return []
    rows = sorted(
        generation.input_files.select_related("stored"),
        key=lambda row: (FIELDS.index(row.field), row.position),
    )
    counts: dict[str, int] = {}
    found = []
    for row in rows:
        kind = inputs.kind_of(row.field)
        counts[kind] = counts.get(kind, 0) + 1
        found.append(_shown(row, kind, f"@{kind.capitalize()}{counts[kind]}"))
    return found


def _shown(row: InputFile, kind: str, mention: str) -> GivenFile:
    source = "sent with the request" if row.source_url.startswith(INLINE) else row.source_url
    facts = [FRAMES[row.field]] if row.field in FRAMES else []
    if row.stored is None:
        return GivenFile(mention, kind, " · ".join([*facts, "not kept"]), source)
    stored = row.stored
    if stored.width:
        facts.append(f"{stored.width} × {stored.height}")
    if stored.milliseconds:
        facts.append(f"{stored.milliseconds / 1000:.1f} s")
    url = media.url(stored.name, expires_at=min(media.urls_expire_at(), stored.keep_until))
    return GivenFile(
        mention,
        kind,
        " · ".join(facts),
        source,
        url=url,
        picture=media.small(url) or "" if kind == "image" else "",
        film=url if kind == "video" else "",
    )
