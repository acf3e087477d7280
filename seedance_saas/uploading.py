"""Files that come with a form go to a temporary file as they arrive, and no body is larger than a form can be."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from seedance_saas import scratch


class ToTemporaryFile(TemporaryFileUploadHandler):
    """Django's, which never holds a file in memory; a body that is too large is refused before it is read."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        if content_length > settings.FORM_BYTES_MAX:
            raise RequestDataTooBig("The form is larger than any may be.")
        scratch.forget()  # here, for a machine that serves the web alone runs no sweep
