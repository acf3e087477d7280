"""What a file is, told by its first bytes. A name or a header is never asked."""

HEAD_BYTES = 64
EXTENSIONS = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "video/mp4": "mp4",
    "video/quicktime": "mov", "audio/mpeg": "mp3", "audio/wav": "wav",
}  # fmt: skip
CONTENT_TYPES = {extension: name for name, extension in EXTENSIONS.items()}
_PICTURE_BRANDS = {
    b"heic": "a HEIC", b"heix": "a HEIC", b"heim": "a HEIC", b"heis": "a HEIC", b"hevc": "a HEIC",
    b"hevx": "a HEIC", b"mif1": "a HEIC", b"msf1": "a HEIC", b"avif": "an AVIF", b"avis": "an AVIF",
}  # fmt: skip
_SOUND_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"F4A "}
_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide"}  # a QuickTime file from before there was ftyp
# What people send and no model takes: said by name, so that they know what to change.
_REFUSED = (
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\0\0\1\0", "an icon"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"%PDF", "a PDF"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "a compressed file"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1aE\xdf\xa3", "a WebM or Matroska video"),
    (b"FLV", "a Flash video"),
    (b"\0\0\1\xba", "an MPEG program stream"),
    (b"\0\0\1\xb3", "an MPEG video"),
    (b"OggS", "a Ogg file"),
    (b"fLaC", "a FLAC sound"),
    (b"MThd", "a MIDI file"),
    (b"#EXTM3U", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"#!AMR", "an AMR sound"),
)


def type_of(head: bytes) -> str | None:
    """The type, of those that a model takes, that the first HEAD_BYTES tell."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        if head[8:12] in _PICTURE_BRANDS or head[8:12] in _SOUND_BRANDS:
            return None
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[4:8] in _QUICKTIME_ATOMS:
        return "video/quicktime"
    if head.startswith(b"ID3") or _is_mp3_frame(head):
        return "audio/mpeg"
    return None


def _is_mp3_frame(head: bytes) -> bool:
    """Eleven set bits, and layer III: with other layers it is another format, AAC among them."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2


def said(head: bytes) -> str:
    """What a file of another type is, for people: "a web page"; "of no known type" if nobody knows."""
    if head[4:8] == b"ftyp":
        if name := _PICTURE_BRANDS.get(head[8:12]):
            return f"{name} picture"
        if head[8:12] in _SOUND_BRANDS:
            return "an M4A sound"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "an AVI video"
    for start, name in _REFUSED:
        if head.startswith(start):
            return name
    if not head:
        return "empty"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")):
        return "an SVG drawing or another XML file"
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<script", b"<body", b"<!--")):
        return "a web page"
    if head[:1] == b"\xff" and head[1:2] in {b"\xf1", b"\xf9"}:
        return "an AAC sound"
    return "of no known type"
