"""Many people at once: lines of `email,role`, as a spreadsheet writes them."""

import csv

from accounts.invitation_checks import NotInvited, Problem, Wanted
from seedance_saas.errors import InvalidRequest

LINES_MAX = 200
BYTES_MAX = 64_000
HEADER = ["email", "role"]


def read(content: bytes) -> list[Wanted]:
    """The people of the lines; empty lines and a first line of column names are passed over.

    Raises InvalidRequest for what is too much or no text, NotInvited that names each line that is not two fields.
    """
    if len(content) > BYTES_MAX:
        raise InvalidRequest(f"The lines have more than {BYTES_MAX:,} bytes.", param="lines")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest("The lines must be UTF-8 text.", param="lines") from None
    if "\x00" in text:
        raise InvalidRequest("The lines must be text.", param="lines")
    rows = [
        (number, fields)
        for number, line in enumerate(text.splitlines(), 1)
        if any(
            fields := [
                field.strip() for field in next(csv.reader([line], skipinitialspace=True), [])
            ]
        )
    ]
    if rows and [field.lower() for field in rows[0][1]] == HEADER:
        del rows[0]
    if not rows:
        raise InvalidRequest("There is no line with an address and a role.", param="lines")
    if len(rows) > LINES_MAX:
        raise InvalidRequest(
            f"There are {len(rows)} lines, and at most {LINES_MAX} may be.", param="lines"
        )
    problems = [
        Problem(number, "A line is an address, a comma and a role.", "lines")
        for number, fields in rows
        if len(fields) != len(HEADER)
    ]
    if problems:
        raise NotInvited(problems)
    return [Wanted(email, role.lower(), number) for number, (email, role) in rows]
