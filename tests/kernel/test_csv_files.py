"""What a stranger wrote is never run by the spreadsheet that opens our file; a program gets it as it is."""

import pytest
from django.http import StreamingHttpResponse

from seedance_saas import csv_files


def lines(response: StreamingHttpResponse) -> list[str]:
    return b"".join(response).decode().splitlines()


@pytest.mark.parametrize("word", ["=1+1", "+cmd", "-cmd|' /C calc'!A0", "@SUM(1)", "\tx", "-1-1"])
def test_a_formula_is_a_text(word: str) -> None:
    rows = [{"end_user_id": word, "charged_usd": "1.0000"}]

    (_, guarded) = lines(csv_files.answer("a.csv", ["end_user_id"], rows))
    (_, plain) = lines(csv_files.answer("a.csv", ["end_user_id"], rows, for_programs=True))

    assert guarded == f"'{word}"
    assert plain == word


@pytest.mark.parametrize("value", ["-0.4516", "-12", "0.4516", "ann", "", "a=b", 7])
def test_numbers_and_words_are_as_they_are(value: object) -> None:
    (_, line, *_) = [*lines(csv_files.answer("a.csv", ["it"], [{"it": value}])), ""]

    assert line.strip('"') == str(value)
