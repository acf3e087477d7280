"""Rows that belong together are written in one message, or not at all."""

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import Event, IdempotencyRecord, Organization
from seedance_saas.inserts import insert_together


def record(acme: Organization, key: str) -> IdempotencyRecord:
    return IdempotencyRecord(
        organization=acme, key=key, fingerprint="f", status=201, body={"50%": "a; b ' %s"}
    )


def test_rows_of_several_tables_are_one_query(
    acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    event = Event(organization=acme, type="balance.low", data={"a": 1})

    with transaction.atomic(), django_assert_num_queries(1):
        insert_together(event, record(acme, "k1"), record(acme, "k2"))

    stored = Event.objects.get()
    assert (stored.id, stored.data, stored.created_at) == (event.id, {"a": 1}, event.created_at)
    assert list(IdempotencyRecord.objects.order_by("key").values_list("key", "body")) == [
        ("k1", {"50%": "a; b ' %s"}),
        ("k2", {"50%": "a; b ' %s"}),
    ]


def test_a_written_row_is_saved_afterwards_as_one_that_exists(acme: Organization) -> None:
    event = Event(organization=acme, type="balance.low", data={})
    with transaction.atomic():
        insert_together(event)

    event.type = "balance.recovered"
    event.save()

    assert Event.objects.get().type == "balance.recovered"


def test_rows_are_written_in_order_so_that_one_may_refer_to_another(db: None) -> None:
    parent = Organization(name="Acme")

    with transaction.atomic():
        insert_together(parent, Event(organization=parent, type="balance.low", data={}))

    assert Event.objects.get().organization == parent


def test_one_bad_row_keeps_all_of_them_out(acme: Organization) -> None:
    with (
        pytest.raises(IntegrityError, match="one_answer_per_idempotency_key"),
        transaction.atomic(),
    ):
        insert_together(
            Event(organization=acme, type="balance.low", data={}),
            record(acme, "k1"),
            record(acme, "k1"),
        )

    assert not Event.objects.exists()
    assert not IdempotencyRecord.objects.exists()


def test_rows_go_away_with_the_callers_transaction(acme: Organization) -> None:
    with transaction.atomic():
        insert_together(record(acme, "k1"))
        transaction.set_rollback(True)

    assert not IdempotencyRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_written(acme: Organization) -> None:
    with pytest.raises(AssertionError, match="written together"):
        insert_together(record(acme, "k1"))

    assert not IdempotencyRecord.objects.exists()
