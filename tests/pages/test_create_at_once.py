"""Two sendings of one form that arrive together: the database decides, and both are led to one video."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Organization, User
from generations.models import Generation
from tests.pages.conftest import FORM
from tests.world import money


@pytest.mark.django_db(transaction=True)
def test_a_double_click_buys_once(
    acme: Organization,
    member_of: Callable[..., User],
    page_for: Callable[[User], Client],
) -> None:
    person = member_of(acme)
    clients = [page_for(person) for _ in range(4)]

    def send(client: Client) -> str:
        try:
            return str(client.post("/create", FORM).headers["Location"])
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as threads:
        led_to = set(threads.map(send, clients))

    made = Generation.objects.get()
    assert led_to == {f"/create?after={made.id}"}
    assert money(acme) == (24_548_400, 451_600)
