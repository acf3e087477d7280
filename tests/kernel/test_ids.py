"""Ids sort by time, whether Python or the database makes them."""

import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection

from seedance_saas import ids

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


def test_an_id_is_its_prefix_the_milliseconds_and_80_further_bits() -> None:
    with time_machine.travel(AT, tick=False):
        first, second = ids.new("gen"), ids.new("gen")

    assert re.fullmatch(r"gen_019ca9450a7b[0-9a-f]{20}", first)
    assert first[:16] == second[:16]
    assert first != second
    assert len(ids.new("x" * 7)) == ids.ID_LENGTH


def test_a_later_id_sorts_after_an_earlier_one() -> None:
    with time_machine.travel(AT, tick=False) as clock:
        made = []
        for _ in range(50):
            made.append(ids.new("gen"))
            clock.shift(0.001)

    assert made == sorted(made)


def test_the_ids_of_one_millisecond_sort_in_the_order_in_which_they_were_made() -> None:
    with time_machine.travel(AT, tick=False):
        made = [ids.new("gen") for _ in range(300)]

    assert made == sorted(made)
    assert len(set(made)) == 300


@pytest.mark.django_db
def test_the_databases_ids_have_the_same_form() -> None:
    before = ids.new("trf")[:16]
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_new_id('trf'), billing_new_id('trf')")
        first, second = cursor.fetchone()
    after = ids.new("trf")[:16]

    assert re.fullmatch(r"trf_[0-9a-f]{32}", first)
    assert before <= first[:16] <= after
    assert first != second
