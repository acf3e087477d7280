"""Lines of `email,role` as spreadsheets write them; a bad one is named by its number."""

import pytest

from accounts import invitation_lines
from accounts.invitation_checks import NotInvited, Wanted
from seedance_saas.errors import InvalidRequest


def test_a_header_empty_lines_and_a_byte_order_mark_are_passed_over() -> None:
    content = '\ufeffEmail,Role\r\n\r\n "ann@example.com" , Admin\r\nbo@example.com,viewer\r\n,\r\n'
    assert invitation_lines.read(content.encode()) == [
        Wanted("ann@example.com", "admin", 3),
        Wanted("bo@example.com", "viewer", 4),
    ]


def test_a_line_that_is_not_two_fields_is_named() -> None:
    with pytest.raises(NotInvited) as refused:
        invitation_lines.read(b"ann@example.com,admin\nbo@example.com\ncy@example.com,a,b\n")
    assert [problem.line for problem in refused.value.problems] == [2, 3]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no line"),
        (b"email,role\n\n", "no line"),
        (b"a@example.com,viewer\n" * 201, "201 lines, and at most 200"),
        (b"x" * 64_001, "more than 64,000 bytes"),
        (b"\xff\xfe", "UTF-8"),
        (b"a@example.com\x00,viewer", "must be text"),
    ],
)
def test_what_is_no_list_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        invitation_lines.read(content)


def test_two_hundred_lines_are_taken() -> None:
    assert len(invitation_lines.read(b"a@example.com,viewer\n" * 200)) == 200
