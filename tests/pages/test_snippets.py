"""The code beside the form does the same as the form, and runs as pasted."""

import ast
import json
import shlex

import pytest

from generations import forms, pricing, requests, snippets
from tests.prices import LIST

pytestmark = pytest.mark.django_db  # what is offered today is read from there
PROMPTS = ["a red kite", 'it\'s "quoted" $HOME `ls` \\ end', "two\nlines", "日本 😀 </pre><b>"]


def by_list(form: forms.CreateForm) -> pricing.Quote:
    asked = form.priced()
    assert asked
    return pricing.quote(
        LIST, asked.model, resolution=asked.resolution, duration_seconds=asked.duration_seconds
    )


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_language_sends_what_was_typed(prompt: str) -> None:
    form = forms.empty(prompt=prompt, duration="4", resolution="480p")
    body = form.body_with_ceiling(by_list(form))

    curl, python, javascript = snippets.of(body)

    words = shlex.split(curl.code.replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1]) == body
    calls = [node for node in ast.walk(ast.parse(python.code)) if isinstance(node, ast.Dict)]
    assert body in [_literal(node) for node in calls]
    sent = javascript.code.split("JSON.stringify(")[1].split("),\n})")[0]
    assert json.loads(sent) == body


def _literal(node: ast.AST) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None  # the headers, which ask the environment


def test_the_body_is_one_that_the_api_reads() -> None:
    form = forms.empty(
        family="reference",
        prompt="@Image1 and @Audio1",
        image_urls="https://example.com/a.jpg\nhttps://example.com/b.jpg",
        audio_urls="https://example.com/c.mp3",
        seed="7",
        end_user_id="u_9f2c",
        generate_audio=False,
    )

    read = requests.read(form.body_with_ceiling(by_list(form)))

    assert read.files["image_urls"] == ["https://example.com/a.jpg", "https://example.com/b.jpg"]
    assert (read.seed, read.end_user_id, read.generate_audio) == (7, "u_9f2c", False)
    assert read.max_cost_microusd == 3_628_500
