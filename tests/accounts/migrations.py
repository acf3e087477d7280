"""A migration of this room, by its name and not by its number."""

import importlib
from typing import Any

from tests.settings import ROOT


def migration_named(name: str) -> Any:
    (file,) = (ROOT / "accounts" / "migrations").glob(f"[0-9]*_{name}.py")
    return importlib.import_module(f"accounts.migrations.{file.stem}")
