"""The page of a generation asks at most twelve questions in each state, with files and deliveries, too."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Delivery, Membership, Role
from generations import lifecycle, requests
from generations.models import Generation, Upload
from tests.everything import World, sign_in

MOST = 12


@pytest.mark.tampers
def test_in_each_state_it_asks_at_most_twelve(world: World, run_queue: Callable[[], int]) -> None:
    developer = Membership.objects.get(organization=world.acme, role=Role.DEVELOPER)
    upload = Upload.objects.filter(organization=world.acme).order_by("id")[0]
    body = {
        "model": "seedance-2.0-fast-image-to-video",
        "prompt": "The kite lands",
        "resolution": "480p",
        "duration": 4,
        "image_url": f"upload:{upload.id}",
    }
    lifecycle.create_generations(world.acme, requests.read(body), member=developer)
    client = sign_in(Client(), world.people["owner"])
    asked = {}
    for one in Generation.objects.filter(organization=world.acme):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/generations/{one.pk}").status_code == 200
        asked[one.state, bool(one.input.get("image_url"))] = len(queries)

    assert {("queued", True), ("running", True), ("succeeded", False), ("failed", False)} <= set(
        asked
    )
    ended = Generation.objects.filter(organization=world.acme, state="succeeded")[0]
    assert Delivery.objects.filter(event__data__id=ended.pk).exists()
    assert {state: count for state, count in asked.items() if count > MOST} == {}
