"""Serves our files under their signed addresses, whole or a part, and lets nothing in them run."""

import re

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from generations import file_types, media
from generations.models import Thumbnail
from seedance_saas import storage
from seedance_saas.errors import not_found

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@require_safe
def serve(request: HttpRequest, expires: int, signature: str, file: str) -> HttpResponseBase:
    """GET /media/{expires}/{signature}/{file}. One range is answered with 206 (RFC 9110, 14.2); several,
    or one that makes no sense, with the whole file."""
    if not media.is_signed(file, expires, signature):
        return not_found(request)
    if "small" in request.GET and (webp := _thumbnail(file)):
        return _small(webp)
    if not default_storage.exists(file):
        return not_found(request)
    size = default_storage.size(file)
    span = _span(request.headers.get("Range", ""), size)
    response: HttpResponseBase
    if span is None:
        response = StreamingHttpResponse(storage.files().read(file, 0, size))
        response["Content-Length"] = str(size)
    elif span[0] >= size:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
    else:
        first, last = span
        response = StreamingHttpResponse(
            storage.files().read(file, first, last - first + 1), status=206
        )
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
        response["Content-Length"] = str(last - first + 1)
    _describe(response, file, attach="download" in request.GET)
    return response


def _thumbnail(file: str) -> bytes:
    """Empty for what has none, such as a file from before there were any."""
    found = Thumbnail.objects.filter(stored__name=file).values_list("webp", flat=True).first()
    return bytes(found or b"")


def _small(webp: bytes) -> HttpResponse:
    response = HttpResponse(webp, content_type="image/webp")
    response["Cache-Control"] = "private, max-age=3600, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _describe(response: HttpResponseBase, file: str, *, attach: bool) -> None:
    extension = file.rpartition(".")[2]
    response["Content-Type"] = file_types.CONTENT_TYPES.get(extension, "application/octet-stream")
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=3600, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    # The address is the permission: customers show their videos on pages of their own.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    owner, _, rest = file.partition("/")
    name = rest.replace("/", "-") if rest else owner
    response["Content-Disposition"] = f'{"attachment" if attach else "inline"}; filename="{name}"'


def _span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte, or None for the whole file."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.group(1) == match.group(2) == "":
        return None
    if match.group(1) == "":  # the last so many bytes
        return max(0, size - int(match.group(2))), size - 1
    first = int(match.group(1))
    last = min(int(match.group(2)), size - 1) if match.group(2) else size - 1
    if match.group(2) and int(match.group(2)) < first:
        return None
    return first, last
