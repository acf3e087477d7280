"""Brings a finished video home: fetched once, measured, kept under a name that tells its content."""

import logging
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from generations import catalog, probing, stored_files
from generations.limits import Measured
from generations.media import Video
from generations.models import Generation
from generations.states import State
from seedance_saas import http, scratch

logger = logging.getLogger(__name__)

VIDEO_BYTES_MAX = 500_000_000
FETCH_SECONDS_MAX = 40  # with measuring, less than a task may take
LEASE = timedelta(seconds=75)  # longer than a task may take: then its holder is dead
PAUSE = timedelta(seconds=5)
GIVE_UP = timedelta(minutes=15)


class TryAgain(Exception):
    """The file may be there later."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unusable(Exception):
    """It never will be."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def lease(generation: Generation) -> bool:
    """Become the one who collects, for LEASE. False: somebody is, or it is not to be collected."""
    now = timezone.now()
    return bool(
        Generation.objects.filter(pk=generation.pk, state=State.COLLECTING, due_at__lte=now).update(
            due_at=now + LEASE
        )
    )


def come_back(generation: Generation, why: str) -> None:
    """Give the lease back early: sweeps.py collects again after a pause."""
    logger.warning("generation.collect_again id=%s why=%s", generation.id, why)
    Generation.objects.filter(pk=generation.pk, state=State.COLLECTING).update(
        due_at=timezone.now() + PAUSE
    )


def collect(generation: Generation, output_url: str, *, own_files_at: str = "") -> Video:
    """Fetch, measure and keep the provider's file. Raises TryAgain for a while, then Unusable.

    `own_files_at` is the beginning of addresses that this provider may name although they are not public.
    """
    if not output_url:
        raise Unusable("The provider named no file.")
    given_up = timezone.now() - generation.state_since > GIVE_UP
    with scratch.folder() as folder:
        path, poster, preview = (folder / name for name in ("video", "poster", "preview"))
        try:
            with path.open("wb") as into:
                fetched = http.fetch(
                    output_url,
                    into,
                    bytes_max=VIDEO_BYTES_MAX,
                    seconds_max=FETCH_SECONDS_MAX,
                    below=own_files_at,
                )
        except http.FetchFailed as error:
            if error.retryable and not given_up:
                raise TryAgain(error.message) from None
            raise Unusable(f"The provider's file could not be fetched. {error.message}") from None
        try:
            measured = probing.measure_output(path, poster=poster, preview=preview)
        except probing.NotAVideo as error:
            raise Unusable(str(error)) from None
        except probing.TooBusy as error:
            if given_up:
                raise Unusable("The provider's file could not be read in time.") from None
            raise TryAgain(error.message) from None
        _refuse_if_smaller(generation, measured)
        small = Measured(
            "image/jpeg",
            poster.stat().st_size,
            measured.width,
            measured.height,
            thumbnail=measured.thumbnail,
        )
        measured = replace(measured, thumbnail=b"")  # the poster has it
        short = Measured("video/mp4", preview.stat().st_size)
        return Video(
            file=stored_files.keep_output(generation, path, measured).name,
            poster_file=stored_files.keep_output(generation, poster, small).name,
            preview_file=stored_files.keep_output(generation, preview, short).name,
            sha256=fetched.sha256,
            bytes=fetched.bytes,
            milliseconds=measured.milliseconds or 0,
            width=measured.width or 0,
            height=measured.height or 0,
        )


def _refuse_if_smaller(generation: Generation, measured: Measured) -> None:
    """Fewer pixels than were asked for are not what is paid for. More are a gift, and noted."""
    made = catalog.resolution_of((measured.width or 0) * (measured.height or 0))
    order = catalog.RESOLUTIONS
    if order.index(made) < order.index(generation.resolution):
        raise Unusable(
            f"The video has {measured.width}x{measured.height} pixels, which is {made}, "
            f"and {generation.resolution} was asked for."
        )
    if made != generation.resolution:
        logger.warning("generation.larger_than_asked id=%s made=%s", generation.id, made)
