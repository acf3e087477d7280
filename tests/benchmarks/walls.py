"""What a second wall between tenants would cost: row-level security on every tenant's table."""

import itertools
import json
import time
from statistics import median

from django.apps import apps
from django.db import connection

from accounts.models import ApiKey
from tests.benchmarks import money
from tests.benchmarks.reading import BODY, caller

TURNS, CREATES = 12, 60
ROLE = "seedance_bench_web"
# The key says which organization asks, so it is read before any policy could know.
BEFORE_THE_WALL = {ApiKey._meta.db_table}


def create_behind_a_wall() -> tuple[float, float]:
    """Milliseconds of a create through the API (median), with and without; taken in turns.

    With: a role that policies bind, and one statement more that says for whom. It is the cheapest form: said
    for the session, which PgBouncer in transaction mode would not keep. Changes the database for good.
    """
    client, headers = caller(organization := money.organization())
    _build()

    def create(*, wall: bool) -> float:
        began = time.perf_counter()
        if wall:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('seedance.organization', %s, false)", [organization.pk]
                )
        answer = client.post(
            "/api/v1/generations",
            json.dumps(BODY),
            content_type="application/json",
            headers=headers,
        )
        taken = time.perf_counter() - began
        assert answer.status_code == 201, answer.content
        return 1000 * taken

    def turn(*, wall: bool) -> list[float]:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {ROLE}" if wall else "RESET ROLE")
        # Another role makes plans anew: the first ones do not count.
        return [create(wall=wall) for _ in range(CREATES)][10:]

    found = [(turn(wall=True), turn(wall=False)) for _ in range(TURNS)]
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")
    behind, before = (median(itertools.chain(*side)) for side in zip(*found, strict=True))
    return behind, before


def _build() -> None:
    tables = [
        model._meta.db_table
        for model in apps.get_models()
        if any(field.attname == "organization_id" for field in model._meta.concrete_fields)
        and model._meta.db_table not in BEFORE_THE_WALL
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}")
        cursor.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")
        for table in tables:
            cursor.execute(
                f"""
                ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
                CREATE POLICY of_its_organization ON {table} TO {ROLE}
                    USING (organization_id = current_setting('seedance.organization', true))
                """
            )
