"""Imports point to the left: seedance_saas <- accounts <- billing <- generations. Read from the source."""

import ast
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("seedance_saas", "accounts", "billing", "generations")
NAMES_ALL_APPS = "seedance_saas/urls.py"
# Who alone may import a library, or a part of one.
DOORS = {
    "django_q.tasks": {"seedance_saas/queue.py", "seedance_saas/management/commands/worker.py"},
    "billing.ledger.posting": {"billing/ledger/"},  # the only writer of balances
    # The simulator reads the library's published types, and nothing else of it.
    "stripe": {"billing/stripe_gateway/", "seedance_saas/simulators/stripe/parameters.py"},
}


def imported(file: Path, root: Path) -> Iterator[str]:
    """Every module that the file may import, anywhere in it; `from a import b` is both a and a.b."""
    yield from _imported(file.read_text(), file.relative_to(root).with_suffix("").parts[:-1])


@cache
def _imported(source: str, package: tuple[str, ...]) -> list[str]:
    return list(_read_imports(source, package))


def _read_imports(source: str, package: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in {"import_module", "importlib.import_module", "__import__"}
            and isinstance(name := node.args[0] if node.args else None, ast.Constant)
        ):
            yield str(name.value)


def wrong_imports(root: Path) -> list[str]:
    found = []
    for number, room in enumerate(ROOMS):
        for file in sorted((root / room).rglob("*.py")):
            path = file.relative_to(root).as_posix()
            to_the_right = () if path == NAMES_ALL_APPS else ROOMS[number + 1 :]
            for module in sorted(set(imported(file, root))):
                if module.split(".")[0] in (*to_the_right, "tests"):
                    found.append(f"{path} imports {module}")
                for door, keepers in DOORS.items():
                    if f"{module}.".startswith(f"{door}.") and not path.startswith(tuple(keepers)):
                        found.append(f"{path} imports {module}")
    return found


def test_no_import_points_to_the_right() -> None:
    assert wrong_imports(ROOT) == []


def test_the_addresses_name_all_apps() -> None:
    named = {module.split(".")[0] for module in imported(ROOT / NAMES_ALL_APPS, ROOT)}
    included = (ROOT / NAMES_ALL_APPS).read_text()

    assert all(room in named or f'"{room}.' in included for room in ROOMS)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rooms' sources, to be spoilt."""
    root = tmp_path_factory.mktemp("copy")
    for room in ROOMS:
        shutil.copytree(
            ROOT / room,
            root / room,
            ignore=lambda _, names: {n for n in names if n == "__pycache__"},
        )
    return root


@pytest.mark.parametrize(
    ("path", "source", "module"),
    [
        ("accounts/audit.py", "import billing", "billing"),
        ("accounts/audit.py", "import billing.ledger as money", "billing.ledger"),
        ("accounts/tasks.py", "def f():\n    from generations import sweeps", "generations"),
        (
            "billing/ledger/holds.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from generations.models import Generation",
            "generations.models",
        ),
        ("billing/management/commands/new.py", "from ....generations import sweeps", None),
        ("billing/views.py", "from generations.models import Generation", "generations.models"),
        ("seedance_saas/api.py", "try:\n    import accounts\nexcept ImportError:\n    pass", "accounts"),
        ("seedance_saas/health.py", "import importlib\nimportlib.import_module('billing.models')", "billing.models"),
        ("seedance_saas/simulators/new.py", "from generations import catalog", "generations"),
        ("seedance_saas/queue.py", "from tests import world", "tests"),
        ("billing/ledger/holds.py", "from django_q.tasks import async_task", "django_q.tasks"),
        ("generations/tasks.py", "from django_q import tasks", "django_q.tasks"),
        ("generations/lifecycle.py", "import stripe", "stripe"),
        ("seedance_saas/simulators/stripe/store.py", "import stripe", "stripe"),
        ("billing/purchases.py", "def f():\n    from stripe.error import CardError", "stripe.error"),
        ("billing/refunds.py", "from billing.ledger import posting", "billing.ledger.posting"),
    ],
)  # fmt: skip
def test_a_wrong_import_is_found(copy: Path, path: str, source: str, module: str | None) -> None:
    file = copy / path
    before = file.read_text() if file.exists() else None
    file.write_text(f"{before or ''}\n{source}\n")
    try:
        found = wrong_imports(copy)
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_text(before)

    assert found
    assert all(line.startswith(f"{path} imports ") for line in found)
    assert f"{path} imports {module or 'generations'}" in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("seedance_saas/urls.py", "import generations.urls, billing.urls, accounts.urls"),
        ("seedance_saas/queue.py", "from django_q.tasks import async_task"),
        ("billing/stripe_gateway/new.py", "import stripe"),
        ("seedance_saas/simulators/stripe/parameters.py", "from stripe import params"),
        ("billing/stripe_webhook.py", "from billing import stripe_gateway"),
        ("generations/tasks.py", "from billing import ledger\nfrom accounts import audit"),
    ],
)
def test_a_right_import_is_passed(copy: Path, path: str, source: str) -> None:
    file = copy / path
    before = file.read_text() if file.exists() else None
    file.write_text(f"{before or ''}\n{source}\n")
    try:
        assert wrong_imports(copy) == []
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_text(before)
