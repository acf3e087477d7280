"""Identifiers: a type prefix, then 48 bits of milliseconds and 80 random bits, so that they sort by time."""

import secrets
import time

ID_LENGTH = 40


def new(prefix: str) -> str:
    """`gen_019a…`. The ledger makes the same form in SQL: see `billing_new_id` in its migrations."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
