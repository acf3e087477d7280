"""What the code tab shows runs as pasted, against a real server, in each of its three languages."""

import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from accounts import api_keys
from accounts.models import Organization
from generations import forms, snippets
from generations.models import Generation
from tests.pages.test_snippets import by_list

RUNS = {
    "curl": ["bash", "-c"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "-e"],
}
PROMPT = 'it\'s a "kite" $HOME `ls` \\ 日本\nover a beach'


@pytest.fixture
def site(live_server: Any, settings: Any) -> str:
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


@pytest.mark.parametrize("language", RUNS)
def test_a_snippet_makes_what_was_typed(
    acme: Organization, transactional_db: None, site: str, language: str
) -> None:
    if not shutil.which(RUNS[language][0]):
        pytest.skip(f"NO {RUNS[language][0]} ON THIS MACHINE: the {language} snippet was not run")
    _, secret = api_keys.issue(acme, "pasted")
    form = forms.empty(prompt=PROMPT, duration="4", resolution="480p")
    code = next(
        one.code
        for one in snippets.of(form.body_with_ceiling(by_list(form)))
        if one.language == language
    )

    ran = subprocess.run(
        [*RUNS[language], code],
        env={"PATH": os.environ["PATH"], "SEEDANCE_API_KEY": secret},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    made = Generation.objects.get()
    assert made.id in ran.stdout
    assert (made.input["prompt"], made.held_microusd) == (PROMPT, 451_600)
