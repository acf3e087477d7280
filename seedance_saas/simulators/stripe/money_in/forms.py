"""What people type in on a hosted page: a card, an address, a tax id."""

import re
from datetime import UTC, datetime
from html import escape

from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json
from seedance_saas.simulators.stripe.money_in import cards, payment_methods

COUNTRIES = {
    "US": "United States", "AT": "Austria", "AU": "Australia", "BE": "Belgium", "BR": "Brazil",
    "CA": "Canada", "CH": "Switzerland", "DE": "Germany", "DK": "Denmark", "ES": "Spain",
    "FI": "Finland", "FR": "France", "GB": "United Kingdom", "IE": "Ireland", "IN": "India",
    "IT": "Italy", "JP": "Japan", "NL": "Netherlands", "NO": "Norway", "NZ": "New Zealand",
    "PL": "Poland", "PT": "Portugal", "SE": "Sweden", "SG": "Singapore",
}  # fmt: skip


def field(name: str, label: str, value: str = "", more: str = "") -> str:
    return (
        f'<div><label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" value="{escape(value)}" {more}></div>'
    )


def card_fields(given: dict[str, str]) -> str:
    number = 'inputmode="numeric" autocomplete="cc-number" placeholder="1234 1234 1234 1234"'
    expiry = 'inputmode="numeric" autocomplete="cc-exp" placeholder="MM / YY"'
    return (
        field("number", "Card number", given.get("number", ""), number)
        + '<div class="row">'
        + field("expiry", "Expiry (MM / YY)", given.get("expiry", ""), expiry)
        + field(
            "cvc",
            "Security code",
            "",
            'inputmode="numeric" autocomplete="cc-csc" placeholder="CVC"',
        )
        + "</div>"
        + field("name", "Name on card", given.get("name", ""), 'autocomplete="cc-name"')
    )


def wrong_card(call: Call, given: dict[str, str]) -> str:
    number = given.get("number", "").replace(" ", "")
    if not number:
        return "Your card number is incomplete."
    if not cards.is_valid(number):
        return "Your card number is invalid."
    expiry = read_expiry(given.get("expiry", ""))
    if expiry is None:
        return "Your card's expiration date is incomplete."
    now = datetime.fromtimestamp(call.now, UTC)
    if (expiry[1], expiry[0]) < (now.year, now.month):
        return "Your card's expiration date is in the past."
    if not re.fullmatch(r"\d{3,4}", given.get("cvc", "")):
        return "Your card's security code is incomplete."
    return ""


def read_expiry(text: str) -> tuple[int, int] | None:
    """ "12 / 34" -> (12, 2034)."""
    found = re.fullmatch(r"(\d{1,2})\s*/?\s*(\d{2}|\d{4})", text.strip())
    if found is None or not 1 <= int(found[1]) <= 12:
        return None
    return int(found[1]), int(found[2]) % 100 + 2000


def new_card(call: Call, given: dict[str, str], billing: Json) -> Json:
    """The card that was typed in; `wrong_card` has said that it is well formed."""
    expiry = read_expiry(given["expiry"])
    assert expiry is not None
    number = given["number"].replace(" ", "")
    return payment_methods.new_card(
        call, number, exp_month=expiry[0], exp_year=expiry[1], billing=billing
    )


def address_fields(given: dict[str, str]) -> str:
    wanted = given.get("country", "US")
    options = "".join(
        f'<option value="{code}"{" selected" if code == wanted else ""}>{name}</option>'
        for code, name in COUNTRIES.items()
    )
    return (
        "<fieldset><legend>Billing address</legend>"
        '<div><label for="country">Country</label>'
        f'<select id="country" name="country" autocomplete="country">{options}</select></div>'
        + field("line1", "Street", given.get("line1", ""), 'autocomplete="address-line1"')
        + '<div class="row">'
        + field(
            "postal_code", "Postal code", given.get("postal_code", ""), 'autocomplete="postal-code"'
        )
        + field("city", "City", given.get("city", ""), 'autocomplete="address-level2"')
        + "</div></fieldset>"
    )


def tax_id_fields(given: dict[str, str]) -> str:
    return (
        "<fieldset><legend>Buying as a business</legend>"
        + field(
            "business_name",
            "Business name",
            given.get("business_name", ""),
            'autocomplete="organization"',
        )
        + field("tax_id", "Tax id (such as DE123456789)", given.get("tax_id", ""))
        + "</fieldset>"
    )


def known_cards() -> str:
    """The numbers that a newcomer can try."""
    rows = "".join(
        f"<tr><td><code>{' '.join(_grouped(card.number))}</code></td><td>{card.meaning}</td></tr>"
        for card in cards.TABLE
    )
    return (
        "<details><summary>Test cards</summary><p>Any expiry in the future, any security code. "
        "No money moves.</p><table><tr><th scope=col>Number</th><th scope=col>What it does</th></tr>"
        f"{rows}</table></details>"
    )


def _grouped(number: str) -> list[str]:
    return [number[start : start + 4] for start in range(0, len(number), 4)]
