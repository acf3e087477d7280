"""What the other tests stand on holds."""

import socket

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import Error, connection

from accounts.models import Organization
from billing.models import Account
from seedance_saas.models import Sweep
from tests.database import flush


@pytest.mark.django_db(transaction=True)
def test_a_flush_leaves_the_migrations_rows_and_nothing_else() -> None:
    accounts, types = Account.objects.count(), ContentType.objects.count()
    assert accounts
    assert types
    Account.objects.all().delete()
    Sweep.objects.create(name="left over")

    flush()

    assert Account.objects.count() == accounts
    assert ContentType.objects.count() == types
    assert not Sweep.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_flush_passes_the_triggers_that_nobody_else_passes(acme: Organization) -> None:
    with pytest.raises(Error, match="append"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_transfer")

    flush()

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM billing_transfer")
        assert cursor.fetchone() == (0,)


def test_the_internet_is_out_of_reach() -> None:
    with socket.socket() as probe, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        probe.connect(("192.0.2.1", 443))
    with pytest.raises(socket.gaierror):
        socket.create_connection(("example.com", 443))
