"""A page asks the database at most twelve questions, however much the organization has."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from generations import offers, rate_cards, service_status
from tests import who_may
from tests.everything import World, sign_in
from tests.many import multiply

OF_WHAT_RUNS = 1  # about all of it together, and only if anything shown runs
MOST = 12
FEW, MANY = 10, 1_000


class Asked:
    """How many questions each page asks now, by its address."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clients = {"anybody": Client()}
        for who in ("owner", "developer", "staff"):
            self.clients[who] = sign_in(Client(), world.people[who])

    def counts(self) -> dict[str, int]:
        ContentType.objects.clear_cache()
        self.clients["owner"].get("/create")
        self.clients["anybody"].get("/status")
        return {
            path: count
            for line in who_may.pages()
            if (count := self._count(line, path := line.path(self.world.names))) is not None
        }

    def _count(self, line: who_may.Line, path: str) -> int | None:
        with CaptureQueriesContext(connection) as asked:
            answer = self.clients[line.reader].get(path)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            return None
        return len(asked)


@pytest.mark.thorough
@pytest.mark.tampers
def test_no_page_asks_more_of_those_who_have_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (
        rate_cards,
        offers,
        service_status,
    ):  # what a process keeps for a while is kept for all of it
        monkeypatch.setattr(module, "CACHE_SECONDS", 3600)
    asked = Asked(world)
    with transaction.atomic():
        multiply(world.acme, FEW)
        few = asked.counts()
        transaction.set_rollback(True)
    multiply(world.acme, MANY)
    many = asked.counts()

    wrong = [
        f"{path}: {few[path]} questions with {FEW} rows of each kind, {many[path]} with {MANY}"
        for path in few
        if many[path] > MOST or many[path] - few[path] > OF_WHAT_RUNS
    ]
    assert len(few) > 30
    assert not wrong, "\n".join(wrong)
