"""Are the lock files those of pyproject.toml's dependency lists?

The first line of each lock file holds a digest of the lists it was made from. So the question needs
no network, and a new release somewhere in the world never fails a build that did not ask for it.
"""

import hashlib
import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def first_lines() -> dict[Path, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime = project["dependencies"]
    development = runtime + project["optional-dependencies"]["dev"]
    return {
        ROOT / name: f"# Made by `make lock` from lists with the digest {_digest(lists)}.\n"
        for name, lists in {
            "requirements.lock": runtime,
            "requirements-dev.lock": development,
        }.items()
    }


def _digest(lists: list[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(lists)).encode()).hexdigest()


def stamp() -> None:
    for lock, line in first_lines().items():
        lock.write_text(line + lock.read_text())


def check() -> None:
    for lock, line in first_lines().items():
        text = lock.read_text()
        if not text.startswith(line):
            sys.exit(f"{lock.name} is not made from pyproject.toml as it is: run `make lock`.")
        if re.search(r"://|^-", text, re.MULTILINE) or " @ " in text:
            sys.exit(f"{lock.name} names a host or a file: run `make lock`.")


if __name__ == "__main__":
    {"stamp": stamp, "check": check}[sys.argv[1]]()
