"""Identifiers: a type prefix, 48 bits of milliseconds, a count within the millisecond, 64 random bits.

They sort by time, and those of one process in the order in which they were made.
"""

import secrets
import threading
import time
from datetime import datetime

ID_LENGTH = 40

_lock = threading.Lock()
_millisecond, _count = 0, 0


def new(prefix: str) -> str:
    """`gen_019a…`. The ledger makes the same form in SQL: see `billing_new_id` in its migrations."""
    global _millisecond, _count
    now = time.time_ns() // 1_000_000
    with _lock:
        # A clock that was set back starts a count of its own; the random bits keep the ids apart.
        _millisecond, _count = now, _count + 1 if now == _millisecond else 0
        count = _count % 0x10000
    return f"{prefix}_{now:012x}{count:04x}{secrets.token_hex(8)}"


def first_of(prefix: str, at: datetime) -> str:
    """No id of that moment or later is smaller: so the primary key's index finds what was made since."""
    return f"{prefix}_{int(at.timestamp() * 1000):012x}"
