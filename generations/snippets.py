"""A request as code that runs as pasted, with the key in the environment."""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

PROMPT_UNTIL_TYPED = "a red kite over a beach"
DEMO = {"model": "seedance-2.0-fast-text-to-video", "resolution": "480p", "duration": 4}


@dataclass(frozen=True)
class Snippet:
    name: str
    language: str
    code: str

    @property
    def dom_id(self) -> str:
        return f"code-{self.name}"

    @property
    def classes(self) -> str:
        return f"lang lang-{self.name}"


def of(body: dict[str, Any]) -> list[Snippet]:
    """The same request for a shell, Python and JavaScript; each needs nothing installed."""
    body = {**body, "prompt": body.get("prompt") or PROMPT_UNTIL_TYPED}
    url = f"{settings.PUBLIC_URL}/api/v1/generations"
    return [
        Snippet("curl", "curl", curl(url, body)),
        Snippet("py", "Python", python(url, body)),
        Snippet("js", "JavaScript", javascript(url, body)),
    ]


def curl(url: str, body: dict[str, Any]) -> str:
    return "\n".join(
        (
            f"curl {shlex.quote(url)} \\",
            '  -H "Authorization: Bearer $SEEDANCE_API_KEY" \\',
            '  -H "Content-Type: application/json" \\',
            '  -H "Idempotency-Key: playground-$(date +%s)-$$" \\',
            f"  -d {shlex.quote(json.dumps(body, indent=2, ensure_ascii=False))}",
        )
    )


def with_upload(site: str, picture: str, body: dict[str, Any]) -> str:
    """For a shell: fetch a picture of ours, upload it, and ask for a video with `upload:$UPLOAD` in the body."""
    name = picture.rpartition("/")[2]
    # What the shell puts into the quoted body stands outside its quotes for a moment.
    request = curl(f"{site}/api/v1/generations", body).replace("$UPLOAD", "'\"$UPLOAD\"'")
    return "\n".join(
        (
            f"curl -sS -o {name} {shlex.quote(site + picture)}",
            f"UPLOAD=$(curl -sS {shlex.quote(site + '/api/v1/uploads')} \\",
            '  -H "Authorization: Bearer $SEEDANCE_API_KEY" \\',
            f"  -F file=@{name} | grep -o 'upl_[0-9a-f]*' | head -n 1)",
            request,
        )
    )


# What a first call may ask for, by the scope that it needs: nothing of it costs anything.
_FIRST_CALLS = {
    "billing:read": "balance",
    "generations:read": "models",
    "events:read": "events",
    "budgets:read": "budgets",
    "keys:read": "api-keys",
    "webhooks:read": "webhook-endpoints",
}


def first_call(may: Callable[[str], bool]) -> str:
    """For a shell: something that costs nothing and that whoever asks `may`, by its scope; "" if there is nothing."""
    for scope, path in _FIRST_CALLS.items():
        if may(scope):
            return _get(path)
    if may("generations:write"):
        return curl(f"{settings.PUBLIC_URL}/api/v1/quotes", {**DEMO, "prompt": PROMPT_UNTIL_TYPED})
    return ""


def list_of_key(key_id: str) -> str:
    """For a shell: what a key has made."""
    return _get(f"generations?api_key={key_id}")


def _get(path: str) -> str:
    url = f"{settings.PUBLIC_URL}/api/v1/{path}"
    return f'curl {shlex.quote(url)} \\\n  -H "Authorization: Bearer $SEEDANCE_API_KEY"'


def python(url: str, body: dict[str, Any]) -> str:
    fields = "".join(
        f"        {_quoted(name)}: {_python(value)},\n" for name, value in body.items()
    )
    return f"""\
import json
import os
import urllib.request
import uuid

request = urllib.request.Request(
    {_quoted(url)},
    data=json.dumps({{
{fields}    }}).encode(),
    headers={{
        "Authorization": f"Bearer {{os.environ['SEEDANCE_API_KEY']}}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid.uuid4()),
    }},
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["id"])"""


def javascript(url: str, body: dict[str, Any]) -> str:
    literal = _indented(json.dumps(body, indent=2, ensure_ascii=False), 2)
    return f"""\
fetch({json.dumps(url)}, {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.SEEDANCE_API_KEY}}`,
    "Content-Type": "application/json",
    "Idempotency-Key": crypto.randomUUID(),
  }},
  body: JSON.stringify({literal}),
}})
  .then((answer) => answer.json())
  .then((generation) => console.log(generation.id ?? generation));"""


def _python(value: Any) -> str:
    return repr(value) if isinstance(value, bool) else _quoted(value)


def _quoted(value: Any) -> str:
    """JSON's texts, numbers and lists are Python's, too."""
    return json.dumps(value, ensure_ascii=False)


def _indented(text: str, spaces: int) -> str:
    return text.replace("\n", "\n" + " " * spaces)
