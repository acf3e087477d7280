"""What a file is, as JSON: {"width", "height", "milliseconds"}, as far as it has them, or {"bad": why}.

python -m generations.prober TYPE FILE CLEAN [SMALL]           an input; what is kept is written to CLEAN if it is
                                                               less, and of a picture a thumbnail to SMALL
python -m generations.prober output FILE POSTER PREVIEW SMALL  a finished video
"""

import json
import resource
import sys
from pathlib import Path

from generations import prober
from generations.prober import Bad


def main(what: str, *paths: Path) -> dict[str, int | str]:
    is_output = what == "output"
    memory = prober.OUTPUT_MEMORY_BYTES_MAX if is_output else prober.MEMORY_BYTES_MAX
    _guard(prober.OUTPUT_SECONDS_MAX if is_output else prober.SECONDS_MAX, memory)
    try:
        return dict(_look(what, *paths))
    except Bad as bad:
        return {"bad": str(bad)}
    except MemoryError:
        return {"bad": f"needs more than {memory // 1_000_000} MB to be read."}


def _look(what: str, path: Path, *written: Path) -> dict[str, int]:
    # Each reader loads what it needs and no more.
    if what == "output":
        from generations.prober import outputs

        return outputs.look(path, *written)
    if what.startswith("image/"):
        from generations.prober import images

        return images.look(path, what, *written)
    from generations.prober import films

    return films.look(path, what, *written)


def _guard(seconds: int, memory_bytes: int) -> None:
    for limit, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, prober.WRITTEN_BYTES_MAX),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], *map(Path, sys.argv[2:]))))
