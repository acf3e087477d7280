"""Pictures: decoded to the last pixel, turned upright, and rid of everything that is no picture."""

import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from generations.prober import IMAGE_PIXELS_MAX, Bad, thumbnails
from generations.prober.stripping import strip

ORIENTATION = 0x0112  # its tag in EXIF
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
# For a picture that has to be turned; all others keep their pixels as they came.
SAVED_AS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 3},
    "WEBP": {"quality": 95, "method": 2},
}


def look(path: Path, content_type: str, clean: Path, small: Path) -> dict[str, int]:
    """What is kept is written to `clean`, a thumbnail to `small`. Raises Bad.

    Too many pixels are only counted: the limit is the caller's to explain.
    """
    Image.MAX_IMAGE_PIXELS = None  # ours is below
    warnings.simplefilter("ignore")
    format = FORMATS[content_type]
    try:
        with Image.open(path, formats=[format]) as image:
            return _look(image, path, format, clean, small)
    except UnidentifiedImageError:
        raise Bad("is damaged: its header cannot be read.") from None
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError) as error:
        # A decoder's ways of saying that the bytes make no sense.
        raise Bad(f"is damaged: {str(error) or type(error).__name__}"[:200]) from None


def _look(image: Image.Image, path: Path, format: str, clean: Path, small: Path) -> dict[str, int]:
    width, height = image.size
    if width * height > IMAGE_PIXELS_MAX:
        return {"width": width, "height": height}
    # A phone's JPEG may hold a second view of the same picture (MPO).
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise Bad("is animated; a still picture is needed.")
    image.load()
    turned = image.getexif().get(ORIENTATION, 1) in range(2, 9)
    if not turned and image.mode != "CMYK":
        clean.write_bytes(strip(format, path.read_bytes()))
        thumbnails.write(image, small)
        return {"width": width, "height": height}
    upright = ImageOps.exif_transpose(image) if turned else image
    if upright.mode == "CMYK":
        upright = upright.convert("RGB")
    profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
    upright.info = {}
    with clean.open("wb") as into:
        upright.save(into, format, icc_profile=profile, **SAVED_AS[format])
    thumbnails.write(upright, small)
    return {"width": upright.width, "height": upright.height}
