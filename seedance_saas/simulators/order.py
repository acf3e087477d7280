"""What a film must be: the small vocabulary that vendors, jobs and the renderer share."""

import json
from dataclasses import asdict, dataclass, field

RATIOS = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")

# Width and height that Seedance 2.0 delivers (ModelArk's table of video sizes); 480p at 16:9 and
# 9:16 is rounded to 480 lines. All even, as yuv420p needs.
PIXELS = {
    ("480p", "21:9"): (992, 432),
    ("480p", "16:9"): (864, 480),
    ("480p", "4:3"): (752, 560),
    ("480p", "1:1"): (640, 640),
    ("480p", "3:4"): (560, 752),
    ("480p", "9:16"): (480, 864),
    ("720p", "21:9"): (1470, 630),
    ("720p", "16:9"): (1280, 720),
    ("720p", "4:3"): (1112, 834),
    ("720p", "1:1"): (960, 960),
    ("720p", "3:4"): (834, 1112),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "21:9"): (2206, 946),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "4:3"): (1664, 1248),
    ("1080p", "1:1"): (1440, 1440),
    ("1080p", "3:4"): (1248, 1664),
    ("1080p", "9:16"): (1080, 1920),
}


@dataclass(frozen=True)
class FilmOrder:
    """A film to render. `ratio` may be "auto": the first image's shape, else 16:9.

    `images` are addresses to pan over, the last one reached at the end when there are several.
    """

    prompt: str
    seconds: int
    resolution: str
    ratio: str
    sound: bool
    images: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "FilmOrder":
        return cls(**json.loads(text))


def nearest_ratio(width: int, height: int) -> str:
    """The offered ratio that is closest to a picture's shape."""

    def distance(ratio: str) -> float:
        across, down = (int(part) for part in ratio.split(":"))
        return max(width * down / (height * across), height * across / (width * down))

    return min(RATIOS, key=distance)
