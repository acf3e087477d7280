"""What a person says of auto top-up."""

from typing import Any

from django import forms

from billing.auto_top_up_terms import Terms
from billing.models import AutoTopUp
from billing.money_fields import CentsField, dollars

AMOUNT, TARGET = "amount", "target"


class TermsForm(forms.Form):
    threshold_usd = CentsField(label="The threshold")
    charge = forms.ChoiceField(label="Charge", choices=[(AMOUNT, AMOUNT), (TARGET, TARGET)])
    amount_usd = CentsField(label="The amount", required=False)
    target_usd = CentsField(label="The target", required=False)
    ceiling_usd = CentsField(label="The ceiling of a month")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        name, other = (
            ("target_usd", "amount_usd")
            if said.get("charge") == TARGET
            else ("amount_usd", "target_usd")
        )
        self.errors.pop(other, None)  # what was not chosen does not count
        if name not in self.errors and said.get(name) is None:
            self.add_error(name, "Type what is to be charged.")
        return said

    def terms(self, *, is_on: bool) -> Terms:
        """What was said, once it is valid. A field that was not chosen does not count."""
        said = self.cleaned_data
        fills_up = said["charge"] == TARGET
        return Terms(
            is_on=is_on,
            threshold_microusd=said["threshold_usd"] * 10_000,
            amount_cents=None if fills_up else said["amount_usd"],
            target_microusd=said["target_usd"] * 10_000 if fills_up else None,
            ceiling_cents=said["ceiling_usd"],
        )


def initial(top_up: AutoTopUp | None) -> dict[str, str]:
    """The terms that hold, or ones to begin with."""
    if top_up is None:
        return {
            "threshold_usd": "25.00",
            "charge": AMOUNT,
            "amount_usd": "100.00",
            "ceiling_usd": "500.00",
        }
    said = {
        "threshold_usd": dollars(top_up.threshold_microusd // 10_000),
        "charge": AMOUNT if top_up.target_microusd is None else TARGET,
        "ceiling_usd": dollars(top_up.ceiling_cents),
    }
    if top_up.amount_cents is not None:
        said["amount_usd"] = dollars(top_up.amount_cents)
    if top_up.target_microusd is not None:
        said["target_usd"] = dollars(top_up.target_microusd // 10_000)
    return said
