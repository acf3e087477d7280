"""Every command of ours says how it is used."""

import pytest
from django.core.management import get_commands, load_command_class

ROOMS = ("seedance_saas", "accounts", "billing", "generations")
OURS = sorted(name for name, room in get_commands().items() if room in ROOMS)


@pytest.mark.parametrize("name", OURS)
def test_a_command_says_how_it_is_used(name: str) -> None:
    command = load_command_class(str(get_commands()[name]), name)

    said = command.create_parser("manage.py", name).format_help()

    assert f"manage.py {name}" in said
    assert command.help.split()[0] in said
