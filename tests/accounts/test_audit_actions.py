"""Every action that the product can write into the audit trail has words for people."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from accounts.audit_actions import ACTIONS

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("seedance_saas", "accounts", "billing", "generations")
ACTION = re.compile(r"[a-z_]+\.(?!html$)[a-z_]+")


def notes(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr.startswith("note")
            and ast.unparse(node.func.value) == "audit"
        ):
            yield node


def actions_of(call: ast.Call, tree: ast.Module) -> set[str]:
    """What may be the action: a text of the call, or of the file where the call has a name for it."""
    told = call.args[1]
    inside = {
        node.value
        for node in ast.walk(told)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and ACTION.fullmatch(node.value)
    }
    if inside:
        return inside
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and ACTION.fullmatch(node.value)
        and node.value.split(".")[0] in {action.split(".")[0] for action in ACTIONS}
        and not (ROOT / node.value.split(".")[0]).is_dir()
    }


def written() -> dict[str, set[str]]:
    """The places that write into the trail, with the actions that each may write."""
    found = {}
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(file.read_text())
            for call in notes(tree):
                found[f"{file.relative_to(ROOT)}:{call.lineno}"] = actions_of(call, tree)
    return found


def test_every_action_is_named() -> None:
    places = written()

    assert len(places) > 15
    assert {place: actions for place, actions in places.items() if not actions} == {}
    unnamed = {
        place: sorted(actions - ACTIONS.keys())
        for place, actions in places.items()
        if actions - ACTIONS.keys()
    }
    assert unnamed == {}


def test_the_words_tell_the_actions_apart() -> None:
    assert len(set(ACTIONS.values())) == len(ACTIONS)
    assert all(ACTION.fullmatch(action) and len(action) <= 60 for action in ACTIONS)
