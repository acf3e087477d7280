"""What an operator types, read: dollars in whole cents, and why."""

import re
from decimal import Decimal

from django import forms

from seedance_saas.errors import InvalidRequest

REASON_LENGTH_MAX = 200


def cents(typed: str, *, param: str) -> int:
    """Of "25", "25.00" or "$1,200.50". Raises InvalidRequest for anything but whole cents."""
    text = typed.strip().removeprefix("$").replace(",", "")
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", text):
        raise InvalidRequest(
            f'{param} must be dollars with at most two places and nine digits before them, like "25.00".',
            param=param,
        )
    return int(Decimal(text) * 100)


def reason(typed: str, *, param: str) -> str:
    """Raises InvalidRequest for none, and for one that is too long to be kept."""
    text = typed.strip()
    if not 0 < len(text) <= REASON_LENGTH_MAX or "\x00" in text:
        raise InvalidRequest(f"{param} must have 1 to {REASON_LENGTH_MAX} characters.", param=param)
    return text


class DollarField(forms.Field):
    """Whole cents."""

    def __init__(self, *, label: str) -> None:
        super().__init__(label=label, required=False)  # nothing is no amount either

    def clean(self, value: str | None) -> int:
        try:
            return cents(value or "", param=f"The {(self.label or '').lower()}")
        except InvalidRequest as refusal:
            raise forms.ValidationError(refusal.message) from None


class ReasonField(forms.Field):
    """Why an operator does it: it stays in the audit trail."""

    max_length = REASON_LENGTH_MAX

    def __init__(self) -> None:
        super().__init__(label="Reason", required=False)

    def clean(self, value: str | None) -> str:
        try:
            return reason(value or "", param="The reason")
        except InvalidRequest as refusal:
            raise forms.ValidationError(refusal.message) from None
