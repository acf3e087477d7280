"""Amounts of money as people type them into forms."""

import re
from typing import Any

from django import forms

_TYPED = re.compile(r"\$?\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]{1,2}))?")


class CentsField(forms.CharField):
    """Dollars in whole cents: "75", "$1,250.50". Its value is cents, or None where nothing was typed.

    A comma stands between thousands and nowhere else: "25,00" is refused, never read as $2,500.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=20, **options)

    def clean(self, value: Any) -> int | None:
        typed: str = super().clean(value)
        if not typed:
            return None
        found = _TYPED.fullmatch(typed)
        if not found:
            raise forms.ValidationError(
                f"{self.label} must be dollars with at most two places, like 75.00."
            )
        dollars, cents = found[1].replace(",", ""), (found[2] or "").ljust(2, "0")
        return int(dollars) * 100 + int(cents)


def dollars(cents: int) -> str:
    """The reverse: what stands in the field."""
    return f"{cents // 100}.{cents % 100:02d}"
