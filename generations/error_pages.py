"""Every way in which the API says no, read from the code: the classes of refusals and the failure policy."""

from collections.abc import Iterator
from dataclasses import dataclass

from generations.errors import FAILURES
from seedance_saas.errors import Refusal

# What only our own staff meets, or a page and never a key.
NOT_IN_THE_API = {
    "above_your_role",
    "already_published",
    "draft_replaced",
    "enough_credits",
    "invitation_expired",
    "invitation_foreign",
    "invitation_revoked",
    "invitation_used",
    "last_owner",
    "more_debt",
    "not_a_sandbox",
    "not_closed",
    "not_enough_notice",
    "not_invited",
    "paid_meanwhile",
    "refund_too_large",
    "refused",
    "sandbox_pays_nothing",
    "still_owed",
    "too_many_mails",
    "too_many_organizations",
}
BY_REST_FRAMEWORK = (
    (405, "method_not_allowed", "The address is right and the method is not."),
    (415, "unsupported_media_type", "The body is of a type that is not taken here."),
)
# Of an upload, and of a file that a request names. A generation that fails for one has the same code.
FILE_CODES = (
    "unsupported_media",
    "media_too_large",
    "media_too_long",
    "media_too_short",
    "media_wrong_size",
)


@dataclass(frozen=True)
class Row:
    status: int
    code: str
    when: str
    retryable: bool = False


def rows() -> list[Row]:
    """By status and code, each code once."""
    found = {row.code: row for row in _rows() if row.code not in NOT_IN_THE_API}
    return sorted(found.values(), key=lambda row: (row.status, row.code))


def _rows() -> Iterator[Row]:
    for kind in _kinds(Refusal):
        when = (kind.__doc__ or kind.code.replace("_", " ")).split("\n")[0].rstrip(".")
        yield Row(kind.status, kind.code, f"{when[0].upper()}{when[1:]}.", kind.retryable)
    for status, code, when in BY_REST_FRAMEWORK:
        yield Row(status, code, when)
    for code in FILE_CODES:
        yield Row(422, code, FAILURES[code].message, FAILURES[code].retryable)


def _kinds(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for one in kind.__subclasses__():
        # A class made inside a function, such as the one that carries REST framework's codes, has no place here.
        if "<locals>" not in one.__qualname__ and not one.__module__.startswith("tests"):
            yield one
            yield from _kinds(one)
