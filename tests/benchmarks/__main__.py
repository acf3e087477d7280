"""`python -m tests.benchmarks`: measure, print a table, write `.data/bench.json`."""

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from tests.benchmarks import scratch

RECORDS, RECORDS_FEW = 1_000_000, 10_000
Result = dict[str, Any]


def measure(show: Callable[[str, Result], None]) -> None:
    from django.db import connection

    from billing import statements
    from tests.benchmarks import crowd, money, reading, volume, walls

    hot, many = money.organization(), [money.organization() for _ in range(64)]
    show("create_sql_round_trips", _only(reading.create_round_trips(), "messages", "<= 5"))
    rounds = range(crowd.ROUNDS)
    pairs: dict[str, Callable[[], tuple[float, float]]] = {
        "hold_hot_tenant": lambda: money.hold([hot]),
        "hold_many_tenants": lambda: money.hold(many),
        "settle": lambda: money.settle(many),
    }
    for name, pair in pairs.items():
        show(name, _pair(crowd.medians([pair() for _ in rounds]), "per second", ">= 0.5"))

    few, much = (volume.with_usage(count, "2026-06-01") for count in (RECORDS_FEW, RECORDS))
    report = [reading.usage_month(one, date(2026, 6, 1)) for one in (much, few)]
    found = crowd.medians([(report[0](), report[1]()) for _ in rounds])
    show("usage_month", _pair(found, "ms, p95", "<= 2"))
    with connection.cursor() as cursor:  # it has no holds, so it would be a difference
        cursor.execute("TRUNCATE billing_usagerecord, billing_usageday")

    few = volume.with_transfers(RECORDS_FEW)
    small = crowd.in_a_child(_check)
    much = volume.with_transfers(RECORDS)
    pages = [reading.deep_page(one) for one in (much, few)]
    found = crowd.medians([(pages[0](), pages[1]()) for _ in rounds])
    show("transfers_page", _pair(found, "ms, p95", "<= 1.2"))

    began = time.perf_counter()
    statements.close_all(seconds_max=600)
    pace = RECORDS / (time.perf_counter() - began)
    show("close_statements", _only(round(pace), "transfers per second"))
    large = crowd.in_a_child(_check)
    show("check_ledger", _only(round(large[0]), "transfers per second"))
    show("check_ledger_memory", _pair((large[1], small[1]), "MB at its peak", "<= 1.2"))
    show("create_behind_a_wall", _pair(walls.create_behind_a_wall(), "ms", "<= 1.05"))


def _check() -> tuple[float, float]:
    """(transfers a second, MB)."""
    from billing import checking

    began = time.perf_counter()
    check = checking.check()
    if check.differences_count:
        raise SystemExit(check.first_difference)
    seconds = time.perf_counter() - began
    return check.transfers_count / seconds, resource.getrusage(
        resource.RUSAGE_SELF
    ).ru_maxrss / 1024


def _pair(found: tuple[float, float], unit: str, goal: str) -> Result:
    value, baseline = (round(one, 2) for one in found)
    ratio = round(found[0] / found[1], 3)
    return {"value": value, "baseline": baseline, "ratio": ratio, "unit": unit, "goal": goal}


def _only(value: float, unit: str, goal: str = "") -> Result:
    return {"value": value, "baseline": None, "ratio": None, "unit": unit, "goal": goal}


def main() -> None:
    results: dict[str, Result] = {}

    def show(name: str, result: Result) -> None:
        results[name] = result
        cells = [
            str(result[column] or "") for column in ("value", "baseline", "ratio", "goal", "unit")
        ]
        _line(name, *cells)

    began = time.monotonic()
    with scratch.database():
        from django.conf import settings

        _line("", "value", "baseline", "ratio", "goal", "unit")
        measure(show)
        (settings.DATA_DIR / "bench.json").write_text(json.dumps(results, indent=2) + "\n")
    sys.stdout.write(f"{time.monotonic() - began:.0f} seconds; written to .data/bench.json\n")


def _line(name: str, *cells: str) -> None:
    value, baseline, ratio, goal, unit = cells
    sys.stdout.write(f"{name:24}{value:>12}{baseline:>12}{ratio:>8}  {goal:8}{unit}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
