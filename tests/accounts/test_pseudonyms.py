"""End users leave us under a name that only their organization's secret could trace back."""

import re

from accounts import pseudonyms
from accounts.models import Organization

ACME = Organization(name="Acme", pseudonym_secret="a" * 64)
RIVAL = Organization(name="Rival", pseudonym_secret="b" * 64)


def test_a_pseudonym_is_stable() -> None:
    assert pseudonyms.of(ACME, "u_9f2c") == "c1fa6e2ade6f6b586a47655392424ef5"


def test_organizations_do_not_share_pseudonyms() -> None:
    assert pseudonyms.of(ACME, "u_9f2c") != pseudonyms.of(RIVAL, "u_9f2c")


def test_end_users_do_not_share_pseudonyms() -> None:
    names = {pseudonyms.of(ACME, end_user) for end_user in ("u_1", "u_2", "U_1", "u_1 ", "ü", "")}

    assert len(names) == 6
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in names)


def test_every_organization_has_a_secret_of_its_own(
    acme: Organization, rival: Organization
) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", acme.pseudonym_secret)
    assert acme.pseudonym_secret != rival.pseudonym_secret
