"""What a prompt can order: `simulate: <command>` anywhere in it, as often as wanted.

One table. The parser, the reference at GET /eachlabs/simulate and the documents read it.
"""

import re
from dataclasses import dataclass

SECONDS_MAX = 3600


@dataclass(frozen=True)
class Command:
    """`name` as written in a prompt. A command that ends in N takes a whole number there."""

    name: str
    meaning: str

    @property
    def takes_number(self) -> bool:
        return self.name.endswith(" N")

    @property
    def words(self) -> str:
        return self.name.removesuffix(" N")


TABLE = (
    Command("fail content_policy", "Ends in error after the work: refused by moderation."),
    Command("fail provider", "Ends in error after the work: PROVIDER_FAILED, retryable."),
    Command("fail invalid", "Ends in error after the work: INPUT_VALIDATION_ERROR."),
    Command("fail download", "Ends in error after the work: INPUT_DOWNLOAD_ERROR."),
    Command("fail timeout", "Ends in error after the work: EXECUTION_TIMEOUT, retryable."),
    Command("refuse", "The create is refused with 400; nothing starts."),
    Command("http N", "The create is answered with status N (400 to 599); nothing starts."),
    Command("drop before", "The connection closes without an answer; nothing starts."),
    Command("drop", "The job starts, then the connection closes without an answer."),
    Command("slow answer N", "The job starts; the create is answered N seconds later."),
    Command("no webhook", "No webhook is sent."),
    Command("webhook twice", "The webhook is sent a second time, a moment later."),
    Command("webhook late contradiction", "A second after the success, a failed webhook is sent."),
    Command("webhook bad signature", "The webhook carries a signature made with another secret."),
    Command("seconds N", "The output is N seconds long (1 to 60), whatever was asked."),
    Command("work N", "The pretended work takes exactly N seconds."),
    Command("html output", "The output URL serves a web page."),
    Command("missing output", "The output URL answers 404."),
    Command("truncated output", "The output URL serves the first half of the file as if whole."),
    Command("broken download", "The connection closes in the middle of the output."),
    Command("slow download N", "The output's first byte comes N seconds late."),
    Command("wrong resolution", "The output has the pixels of another resolution."),
    Command("unknown status", "While it works, its status is a word that no document knows."),
    Command("stuck", "Works for ever; can be canceled."),
    Command("uncancelable", "A cancel is refused with 400 and the work goes on."),
    Command("lost", "After the create, the job is not found any more and sends nothing."),
)

_BY_WORDS = {command.words: command for command in TABLE}
# The longest first, so that "drop before" is not read as "drop".
_NAMES = "|".join(re.escape(words) for words in sorted(_BY_WORDS, key=len, reverse=True))
_PATTERN = re.compile(rf"simulate:\s*({_NAMES})\b(?:\s+(\d{{1,4}})\b)?", re.IGNORECASE)


class Commands(dict[str, int]):
    """The commands of one prompt: words to number (0 where the command takes none)."""

    def number(self, words: str, otherwise: int) -> int:
        return self.get(words, otherwise)


def parse(prompt: str) -> Commands:
    """What `prompt` orders. Words after `simulate:` that are in no row of the table mean nothing."""
    found = Commands()
    for match in _PATTERN.finditer(prompt):
        words = match[1].lower()
        if not _BY_WORDS[words].takes_number:
            found[words] = 0
        elif match[2]:
            found[words] = min(int(match[2]), SECONDS_MAX)
    return found


def without(prompt: str) -> str:
    """The prompt as people should read it: without its orders, unless nothing else is left."""
    rest = re.sub(r"\s+", " ", _PATTERN.sub(" ", prompt)).strip(" .,;")
    return rest or prompt.strip()


def reference() -> list[dict[str, str]]:
    return [
        {"command": row.name, "prompt": f"simulate: {row.name}", "meaning": row.meaning}
        for row in TABLE
    ]
