"""The first request, its end and its file, as lines for a shell that run as pasted."""

from typing import Any

from django.conf import settings

from generations import snippets

END_USER = "customer-1142"
BODY: dict[str, Any] = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": snippets.PROMPT_UNTIL_TYPED,
    "resolution": "480p",
    "duration": 4,
    "max_cost_usd": "0.50",
}


def ask() -> str:
    """Asks for a video and keeps its id; says why, if it is refused."""
    request = snippets.curl(f"{settings.PUBLIC_URL}/api/v1/generations", BODY)
    quietly = request.replace("curl", "curl -sS", 1)
    return "\n".join(
        (
            f"{quietly} > kite.json",
            "GENERATION=$(grep -o 'gen_[0-9a-f]*' kite.json | head -n 1)",
            'echo "${GENERATION:-$(cat kite.json)}"',
        )
    )


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


def cap() -> str:
    """Sets what one end user may spend in a month."""
    return "\n".join(
        (
            f"curl -X PUT {settings.PUBLIC_URL}/api/v1/budgets/end_user/{END_USER} \\",
            '  -H "Authorization: Bearer $SEEDANCE_API_KEY" \\',
            """  -d '{"limit_usd": "5.00", "period": "month"}'""",
        )
    )
