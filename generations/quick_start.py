"""The first request, its end and its file, as lines for a shell that run as pasted."""

from typing import Any

from django.conf import settings

from generations import snippets

BODY: dict[str, Any] = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": snippets.PROMPT_UNTIL_TYPED,
    "resolution": "480p",
    "duration": 4,
    "max_cost_usd": "0.50",
}


def ask() -> str:
    """Asks for a video and keeps its id."""
    request = snippets.curl(f"{settings.PUBLIC_URL}/api/v1/generations", BODY)
    quietly = request.replace("curl", "curl -sS", 1)
    return f"GENERATION=$({quietly} | grep -o 'gen_[0-9a-f]*' | head -n 1)\necho $GENERATION"


def wait() -> str:
    """Asks every three seconds until it has ended, and keeps the last answer in kite.json."""
    address = f'"{settings.PUBLIC_URL}/api/v1/generations/$GENERATION"'
    return "\n".join(
        (
            f"until curl -sS {address} \\",
            '  -H "Authorization: Bearer $SEEDANCE_API_KEY" > kite.json &&',
            """  grep -Eq '"status": ?"(succeeded|failed|canceled)"' kite.json""",
            "do sleep 3; done",
        )
    )


def fetch() -> str:
    """Stores the video."""
    return """curl -sS -o kite.mp4 "$(grep -Eo '"video_url": ?"[^"]*"' kite.json | cut -d '"' -f 4)\""""
