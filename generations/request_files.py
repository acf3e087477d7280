"""Reads the files that a request names, as far as the request alone tells: how many, which beside which, and
whether an address can be one. Nothing is fetched and nothing is looked up."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from generations import catalog
from seedance_saas import http
from seedance_saas.errors import InvalidRequest

UPLOAD = re.compile(r"upload:[A-Za-z0-9_]{1,40}")
INLINE = "data:;sha256,"  # how a data URI is known from then on, its digest behind it


def read(
    model: catalog.Model, body: Mapping[str, Any], inline: dict[str, bytes]
) -> dict[str, list[str]]:
    """The URLs of the model's file fields, counted and combined as the model allows.

    What data URIs hold is put into `inline`.
    """
    for name in ("image_url", "end_image_url", "image_urls", "video_urls", "audio_urls"):
        if body.get(name) and name not in model.fields:
            takes = (
                f"It takes: {', '.join(model.fields)}." if model.fields else "It takes no files."
            )
            raise InvalidRequest(
                f"{model.slug} does not take {name}. {takes}",
                param=name,
                allowed=list(model.fields),
            )
    files = {name: _urls(name, body.get(name), inline) for name in model.fields}
    if model.family == catalog.Family.IMAGE and not files["image_url"]:
        raise InvalidRequest(f"image_url is required for {model.slug}.", param="image_url")
    limits = {"image_urls": catalog.IMAGES_MAX, "video_urls": catalog.VIDEOS_MAX}
    limits["audio_urls"] = catalog.AUDIOS_MAX
    for name, most in limits.items():
        if len(files.get(name, [])) > most:
            raise InvalidRequest(
                f"{name} has {len(files[name])} files; {most} are allowed.",
                param=name,
                limit=f"{name.removesuffix('_urls')}s_max",
                at_most=most,
            )
    if sum(map(len, files.values())) > catalog.FILES_MAX:
        raise InvalidRequest(
            f"All files together may be {catalog.FILES_MAX} at most.",
            param="image_urls",
            limit="files_max",
            at_most=catalog.FILES_MAX,
        )
    if files.get("audio_urls") and not (files["image_urls"] or files["video_urls"]):
        raise InvalidRequest(
            "audio_urls needs at least one image or video beside it.", param="audio_urls"
        )
    return files


def _urls(name: str, value: Any, inline: dict[str, bytes]) -> list[str]:
    if value is None or value == "" or value == []:
        return []
    values = [value] if isinstance(value, str) and not name.endswith("s") else value
    if isinstance(values, str):
        values = [values]  # the upstreams' pages call their lists strings; one string is one file
    if not isinstance(values, list) or (not name.endswith("s") and len(values) != 1):
        raise InvalidRequest(
            f"{name} must be {'a list of URLs' if name.endswith('s') else 'a URL'}.", param=name
        )
    return [_url(name, url, inline) for url in values]


def _url(name: str, url: Any, inline: dict[str, bytes]) -> str:
    if isinstance(url, str) and url[:5].lower() == "data:":
        return _data_uri(name, url, inline)
    if isinstance(url, str) and (UPLOAD.fullmatch(url) or is_own(url)):
        return url
    if wrong := http.what_is_wrong(url):
        raise InvalidRequest(f"{name} {wrong}", param=name)
    assert isinstance(url, str)
    return url


def is_own(url: str) -> bool:
    """Is it an address under which we serve files? Whether it is good, and whose, is asked later."""
    return url.startswith(f"{settings.PUBLIC_URL}/media/") and len(url) <= http.URL_LENGTH_MAX


def _data_uri(name: str, url: str, inline: dict[str, bytes]) -> str:
    """A short form, by which the content is known from now on. What it says of its type is not asked."""
    head, comma, data = url.partition(",")
    try:
        if not comma or not head.lower().endswith(";base64"):
            raise ValueError(head)
        content = base64.b64decode(data, validate=True)
    except ValueError:
        raise InvalidRequest(
            f"{name} must be a data URI in base64, like data:image/png;base64,iVBORw0…", param=name
        ) from None
    if not content:
        raise InvalidRequest(f"{name} is a data URI without data.", param=name)
    short = f"{INLINE}{hashlib.sha256(content).hexdigest()}"
    inline[short] = content
    return short
