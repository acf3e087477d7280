"""Code for customers to copy, shown in the documentation. Nothing of ours runs it but the tests."""

from pathlib import Path

FOLDER = Path(__file__).parent


def read(name: str) -> str:
    return (FOLDER / name).read_text().rstrip()
