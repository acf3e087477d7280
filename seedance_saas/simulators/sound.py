"""A soft chord with wind in it, made by FFmpeg's own generators, which are far faster than Python."""

import random
from collections.abc import Iterator

import av

RATE = 48_000
# Minor and major chords over a low root, in hertz.
CHORDS = (
    (110.0, 164.81, 220.0, 261.63),
    (98.0, 146.83, 196.0, 246.94),
    (87.31, 130.81, 174.61, 220.0),
    (123.47, 185.0, 246.94, 293.66),
)


def frames(text: str, samples: int) -> Iterator[av.AudioFrame]:
    """Stereo sound of exactly `samples` samples, the same for the same text."""
    chance = random.Random(f"sound {text}")  # noqa: S311 (a sound)
    chord = chance.choice(CHORDS)
    seconds = samples / RATE
    channels = "|".join(_voice(chord, chance, detune) for detune in (0.9985, 1.0015))
    graph = av.filter.Graph()
    tone = graph.add("aevalsrc", f"exprs={channels}:s={RATE}:d={seconds:.6f}:c=stereo")
    seed = chance.randrange(2**31)
    wind = graph.add("anoisesrc", f"c=brown:a=0.10:r={RATE}:d={seconds:.6f}:s={seed}")
    low = graph.add("lowpass", "f=520")
    swell = graph.add("tremolo", "f=0.23:d=0.7")
    blend = graph.add("amix", "inputs=2:duration=first:normalize=0")
    fade_in = graph.add("afade", "t=in:d=0.6")
    start = max(0.0, seconds - 0.9)
    fade_out = graph.add("afade", f"t=out:st={start:.3f}:d=0.9")
    shape = graph.add("aformat", f"sample_fmts=fltp:channel_layouts=stereo:sample_rates={RATE}")
    sink = graph.add("abuffersink")
    wind.link_to(low)
    low.link_to(swell)
    tone.link_to(blend, 0, 0)
    swell.link_to(blend, 0, 1)
    for first, second in ((blend, fade_in), (fade_in, fade_out), (fade_out, shape), (shape, sink)):
        first.link_to(second)
    graph.configure()
    while True:
        try:
            frame = graph.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame


def _voice(chord: tuple[float, ...], chance: random.Random, detune: float) -> str:
    parts = []
    for index, hertz in enumerate(chord):
        pace, phase = chance.uniform(0.07, 0.19), chance.uniform(0, 6.28)
        loud = 0.11 / (1 + 0.55 * index)
        parts.append(
            f"{loud:.4f}*(0.62+0.38*sin(2*PI*{pace:.4f}*t+{phase:.4f}))"
            f"*sin(2*PI*{hertz * detune:.4f}*t)"
        )
    return "+".join(parts)
