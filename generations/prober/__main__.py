"""`python -m generations.prober TYPE FILE [CLEAN]`: what the file is, as JSON on standard output.

{"width", "height", "milliseconds"}, as far as it has them, or {"bad": why}. A picture is written to CLEAN without
whatever is no picture in it, upright.
"""

import json
import resource
import sys
from pathlib import Path

from generations.prober import MEMORY_BYTES_MAX, SECONDS_MAX, WRITTEN_BYTES_MAX, Bad


def main(content_type: str, path: Path, clean: Path | None) -> dict[str, int | str]:
    _guard()
    try:
        if content_type.startswith("image/"):
            from generations.prober import images

            assert clean is not None
            return dict(images.look(path, content_type, clean))
        from generations.prober import films

        return dict(films.look(path, content_type))
    except Bad as bad:
        return {"bad": str(bad)}
    except MemoryError:
        return {"bad": f"needs more than {MEMORY_BYTES_MAX // 1_000_000} MB to be read."}


def _guard() -> None:
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_CPU, SECONDS_MAX),
        (resource.RLIMIT_FSIZE, WRITTEN_BYTES_MAX),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    words = sys.argv[1:]
    found = main(words[0], Path(words[1]), Path(words[2]) if words[2:] else None)
    sys.stdout.write(json.dumps(found))
