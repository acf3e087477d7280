"""The README says what is true."""

import re
from pathlib import Path
from textwrap import indent

from accounts import webhook_verification
from seedance_saas.simulators import stripe
from seedance_saas.simulators.commands import TABLE
from seedance_saas.simulators.stripe.money_in import cards

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_every_word_of_the_simulator_is_explained() -> None:
    missing = [command.name for command in TABLE if f"`simulate: {command.name}`" not in README]

    assert missing == []


def test_every_address_that_controls_stripe_is_named() -> None:
    missing = [path for path in stripe.control_addresses() if f"`/stripe{path}`" not in README]

    assert missing == []


def test_every_test_card_that_it_names_is_one() -> None:
    named = re.findall(r"`(\d{4} \d{4} \d{4} \d{4})`", README)

    assert len(named) > 5
    assert [number for number in named if number.replace(" ", "") not in cards.BY_NUMBER] == []


def test_every_variable_that_the_settings_read_is_named() -> None:
    settings = (ROOT / "seedance_saas" / "settings.py").read_text()
    read = re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', settings)

    assert [name for name in read if f"`{name}`" not in README] == []


def test_every_file_that_it_points_at_is_there() -> None:
    named = re.findall(r"`((?:seedance_saas|accounts|billing|generations)/[\w/.]+)`", README)
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)

    assert named
    assert shown
    assert [path for path in {*named, *shown} if not (ROOT / path).exists()] == []


def test_the_code_for_receivers_is_the_code_that_is_tested() -> None:
    code = Path(webhook_verification.__file__).read_text().split("\n\n", 1)[1].strip()

    assert indent(code, "    ") in README
