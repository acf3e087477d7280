"""Whatever stands in an address or a form, a page answers; nothing that a stranger writes is a 500."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Organization
from generations.models import Generation
from tests.pages.conftest import FORM

pytestmark = pytest.mark.thorough
ODD = ["", " ", "bogus", "1080p", "-1", "99", "1e9", "²", "9" * 400, "é\n", "<b>", "[]", "{}"]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/create", ("model", "prompt", "resolution", "duration")),
        ("/gallery", ("state", "model", "end_user_id", "since", "until", "cursor")),
        ("/billing", ("kind", "reference", "since", "until", "cursor")),
        ("/live", ("seen", "view")),
    ],
)
def test_odd_words_in_an_address_are_passed_over(
    acme: Organization,
    browser: Callable[..., Client],
    queued: Callable[[Organization], Generation],
    path: str,
    names: tuple[str, ...],
) -> None:
    queued(acme)
    client = browser(acme)
    for name in names:
        for odd in ODD:
            assert client.get(path, {name: odd}).status_code in (200, 404), (name, odd)


@pytest.mark.parametrize("name", sorted(FORM.keys() - {"do", "prompt", "generate_audio"}))
def test_odd_words_in_the_form_are_refused_and_never_bought(
    acme: Organization, browser: Callable[..., Client], name: str
) -> None:
    client = browser(acme)
    for number, odd in enumerate(ODD):
        sent = {**FORM, "token": f"{number:032x}", name: odd}
        before = Generation.objects.count()

        assert client.post("/create/quote", sent).status_code == 200
        assert client.post("/create", {**sent, "do": "update"}).status_code == 200
        answer = client.post("/create", sent)
        assert answer.status_code in (302, 400), odd
        assert Generation.objects.count() - before == (answer.status_code == 302), odd
