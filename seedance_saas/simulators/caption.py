"""The prompt as a caption at the foot of the film, so that everyone sees what it was made from."""

import av
from PIL import Image, ImageDraw, ImageFont

BOX = Image.Resampling.BOX
LINES_MAX = 3
FADE_SECONDS = 0.6
# What the built-in font can draw, roughly; anything else would come out as boxes.
_DRAWABLE = set(map(chr, range(0x20, 0x180))) | set("–—‘’“”…€•")


class Caption:
    def __init__(self, text: str, note: str, size: tuple[int, int]) -> None:
        width, height = size
        unit = min(width, height)
        self._font = ImageFont.load_default(max(14, round(unit * 0.034)))
        small = ImageFont.load_default(max(11, round(unit * 0.021)))
        margin, leading = round(unit * 0.05), round(unit * 0.046)
        lines = self._wrap(text, width - 2 * margin)
        tall = min(height, margin + leading * len(lines) + round(unit * 0.21))
        tall -= tall % 2
        self._top = height - tall
        self._words = Image.new("RGBA", (width, tall))
        shade = Image.linear_gradient("L").resize((width, tall))
        self._words.putalpha(shade.point([round(205 * (v / 255) ** 1.15) for v in range(256)]))
        draw = ImageDraw.Draw(self._words)
        y = tall - margin - leading * len(lines) + round(leading * 0.15)
        draw.text((margin, y - round(unit * 0.036)), note.upper(), (255, 196, 128, 235), small)
        for line in lines:
            draw.text((margin + 1, y + 2), line, (0, 0, 0, 150), self._font)
            draw.text((margin, y), line, (255, 250, 242, 255), self._font)
            y += leading
        alpha = self._words.getchannel("A")
        # The video's own colours: limited range, colour at half size.
        luma, *chroma = self._words.convert("RGB").convert("YCbCr").split()
        half = (width // 2, tall // 2)
        self._planes = [(luma.point([16 + v * 219 // 255 for v in range(256)]), alpha)]
        for plane in chroma:
            narrow = plane.point([128 + (v - 128) * 224 // 255 for v in range(256)])
            self._planes.append((narrow.resize(half, BOX), alpha.resize(half, BOX)))

    def put_on(self, frame: av.VideoFrame, seconds: float) -> None:
        """Onto a yuv420p frame; fades in at the start of the film.

        On the planes, because a picture in RGB at full size would cost more than all the rest.
        """
        share = min(1.0, seconds / FADE_SECONDS)
        for index, (plane, (colour, mask)) in enumerate(
            zip(frame.planes, self._planes, strict=True)
        ):
            shown = mask if share == 1 else mask.point([round(v * share) for v in range(256)])
            stride = plane.line_size
            whole = Image.frombytes("L", (stride, plane.height), bytes(plane))
            whole.paste(colour, (0, self._top if index == 0 else self._top // 2), shown)
            plane.update(whole.tobytes())

    def _wrap(self, text: str, width: int) -> list[str]:
        drawable = "".join(letter if letter in _DRAWABLE else " " for letter in text)
        lines: list[str] = [""]
        for word in drawable.split():
            longer = f"{lines[-1]} {word}".strip()
            if self._font.getlength(longer) <= width or not lines[-1]:
                lines[-1] = longer
            else:
                lines.append(word)
        if len(lines) > LINES_MAX:
            lines = lines[:LINES_MAX]
            while self._font.getlength(f"{lines[-1]} …") > width and " " in lines[-1]:
                lines[-1] = lines[-1].rpartition(" ")[0]
            lines[-1] += " …"
        return [line for line in lines if line]
