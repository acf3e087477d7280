"""The simulators read each protocol on their own."""

import ast
from pathlib import Path

import seedance_saas.simulators

ROOM = Path(seedance_saas.simulators.__file__).parent
FOREIGN = {"django", "rest_framework", "accounts", "billing", "generations"}


def test_they_import_nothing_of_the_product() -> None:
    wrong = []
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            wrong += [
                (path.name, name)
                for name in names
                if name.split(".")[0] in FOREIGN
                or (name.startswith("seedance_saas") and ".simulators" not in name)
            ]

    assert wrong == []
