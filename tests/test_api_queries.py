"""No list of the API asks the database more often for many rows than for one."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from generations.openapi.operations import OPERATIONS
from tests.contract import paths
from tests.everything import World
from tests.world import Api


def test_a_long_page_costs_no_more_questions_than_a_short_one(
    world: World, api_for: Callable[[Organization], Api]
) -> None:
    api, many = api_for(world.acme), 0
    for (method, path), operation in zip(paths(world.names), OPERATIONS.values(), strict=True):
        if method != "GET" or not operation.is_list:
            continue
        api.get(path)  # what is read once for a process
        with CaptureQueriesContext(connection) as short:
            api.get(path, limit=1)
        with CaptureQueriesContext(connection) as long:
            rows = api.get(path, limit=100).json()["data"]
        many += len(rows) > 1
        assert len(long) == len(short) <= 6, (path, len(rows), [q["sql"][:200] for q in long])

    assert many >= 8  # lists with more than one row, of which the sentence above says something
