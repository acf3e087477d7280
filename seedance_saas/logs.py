"""What our log must never hold: whoever reads a log may not act as a customer, a member or a provider."""

import logging
import re

# Keys and secrets by how they begin; and in addresses, which Django logs with each refusal: an invitation, a new
# password, a provider's webhook, a file's signature.
_SECRET = re.compile(
    r"(whsec_)[A-Za-z0-9+/=]{16,}"
    r"|((?:sd|sk|rk)_(?:live|test)_|/invitations/|/reset/key/|/webhooks/[a-z]+/|/media/[0-9]+/)[\w.=-]{16,}"
)


class Masked(logging.Formatter):
    """Puts "…" in the place of each secret, in the message and in a traceback alike."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub(lambda found: f"{found[1] or found[2]}…", super().format(record))
