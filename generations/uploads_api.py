"""The uploads of the native API: parse, call, render."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys, idempotency
from generations import media, stored_files, uploads
from generations.limits import BYTES_MAX, BadFile
from generations.models import StoredFile, Upload
from seedance_saas.api import AlwaysJSON, body_of, page, require_known
from seedance_saas.errors import InvalidRequest, NotFound

LIST = "/api/v1/uploads"


def of_caller(request: Request) -> QuerySet[Upload]:
    """Every query of this file starts here: the uploads of the key's organization."""
    organization = api_keys.of(request).organization
    return Upload.objects.filter(organization=organization).select_related("stored")


class TakesForms(AlwaysJSON):
    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        is_form = (request.content_type or "").lower().startswith("multipart/form-data")
        return next(iter(parsers)) if is_form else None


class UploadList(APIView):
    """GET and POST /uploads."""

    scopes: ClassVar[dict[str, str]] = {"GET": "generations:read", "POST": "generations:write"}

    parser_classes = [MultiPartParser]
    content_negotiation_class = TakesForms

    def get(self, request: Request) -> Response:
        return Response(page(request, of_caller(request), uploads.as_dict))

    def post(self, request: Request) -> Response:
        key = api_keys.of(request)
        path = _file(request)
        claim = idempotency.claim(
            request, key.organization, content=stored_files.sha256_of(path), location=LIST
        )

        def create() -> Response:
            upload = uploads.receive(
                key.organization,
                path,
                api_key=key,
                member=key.member,
                also=lambda made: [claim.record(201, uploads.as_dict(made))] if claim else [],
            )
            return _made(upload)

        return idempotency.answer_once(claim, create)


class DirectUploadList(APIView):
    """POST /uploads/direct: `{"bytes"}`, and where to put so many, straight into storage."""

    scopes: ClassVar[dict[str, str]] = {"POST": "generations:write"}

    def post(self, request: Request) -> Response:
        organization = api_keys.of(request).organization
        require_known(body_of(request), ("bytes",))
        size = body_of(request).get("bytes")
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InvalidRequest("bytes must be the size of the file.", param="bytes")

        def announce() -> dict[str, Any]:
            row, form = uploads.announce(organization, size)
            address = f"/api/v1/uploads/direct/{row.pk}/complete"
            return {
                "id": row.pk,
                "url": form.url,
                "fields": form.fields,
                "complete_url": media.absolute(address),
                "expires_in": uploads.DIRECT_SECONDS,
            }

        return idempotency.once_then_remember(request, organization, announce, status=201)


class DirectUploadComplete(APIView):
    """POST /uploads/direct/{id}/complete: the file is there; check it, and make an upload of it."""

    scopes: ClassVar[dict[str, str]] = {"POST": "generations:write"}

    def post(self, request: Request, id: str) -> Response:
        require_known(body_of(request), ())
        key = api_keys.of(request)
        claim = idempotency.claim(request, key.organization, location=LIST)
        announced = StoredFile.objects.filter(
            organization=key.organization,
            state=StoredFile.State.WRITING,
            content_type="application/octet-stream",
        )

        def complete() -> Response:
            row = announced.filter(pk=id).first()
            if row is None:  # never announced, or taken
                raise NotFound("There is nothing at this address.")
            upload = uploads.take_announced(
                key.organization,
                row,
                api_key=key,
                member=key.member,
                also=lambda made: [claim.record(201, uploads.as_dict(made))] if claim else [],
            )
            return _made(upload)

        return idempotency.answer_once(claim, complete)


class UploadDetail(APIView):
    """GET and DELETE /uploads/{id}."""

    scopes: ClassVar[dict[str, str]] = {"GET": "generations:read", "DELETE": "generations:write"}

    def get(self, request: Request, id: str) -> Response:
        return Response(uploads.as_dict(get_object_or_404(of_caller(request), pk=id)))

    def delete(self, request: Request, id: str) -> Response:
        uploads.delete(get_object_or_404(of_caller(request), pk=id))
        return Response(status=204)


def _made(upload: Upload) -> Response:
    body = uploads.as_dict(upload)
    return Response(body, status=201, headers=idempotency.location(LIST, body))


def _file(request: Request) -> Path:
    """Where the part `file` of the form lies. Raises UploadRefused before a byte is read, or InvalidRequest."""
    most = max(BYTES_MAX.values())
    if int(request.META.get("CONTENT_LENGTH") or 0) > most + uploads.FORM_BYTES_MAX:
        raise uploads.UploadRefused(
            BadFile(
                "media_too_large",
                f"the file is larger than {most:,} bytes, and no kind of file may be.",
                limit="video_bytes_max",
                at_most=most,
            )
        )
    require_known(request.POST, ("file",))
    files = list(request.FILES.lists())
    if [(name, len(parts)) for name, parts in files] != [("file", 1)]:
        raise InvalidRequest(
            "Send a form (multipart/form-data) with one file in its field file.", param="file"
        )
    file = files[0][1][0]
    assert isinstance(file, TemporaryUploadedFile), type(file)
    return Path(file.temporary_file_path())
