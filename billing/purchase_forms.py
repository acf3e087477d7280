"""What a person says when they buy credits."""

import secrets
from typing import Any

from django import forms

from billing import packs
from billing.models import Purchase
from billing.money_fields import CentsField
from seedance_saas import ids

PACK_DEFAULT = str(packs.PACKS[1].amount_cents)


class BuyForm(forms.Form):
    """A pack, or an amount of one's own, which counts where one is typed. `token` and `last_paid_id`: see
    `purchases.begin`."""

    token = forms.RegexField(r"^[0-9a-f]{32}$")
    last_paid_id = forms.CharField(required=False, max_length=ids.ID_LENGTH)
    pack = forms.ChoiceField(
        label="Amount",
        choices=[
            (str(pack.amount_cents), f"${pack.amount_cents // 100:,}") for pack in packs.PACKS
        ],
        required=False,
    )
    amount_usd = CentsField(label="The amount", required=False)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        if "amount_usd" in self.errors or "pack" in self.errors:
            return said
        said["amount_cents"] = said.get("amount_usd") or int(said.get("pack") or 0)
        if said.get("amount_usd") == 0 or not said["amount_cents"]:
            self.add_error("amount_usd", "Choose a pack, or type an amount.")
        return said


def new(newest: Purchase | None, said: dict[str, str] | None = None) -> BuyForm:
    """A form that has not been sent. `said` is what was typed before; its purchase will be another one."""
    given = {name: value for name, value in (said or {}).items() if name in ("pack", "amount_usd")}
    return BuyForm(
        initial={
            "pack": PACK_DEFAULT,
            **given,
            "token": secrets.token_hex(16),
            "last_paid_id": newest.id if newest else "",
        }
    )
