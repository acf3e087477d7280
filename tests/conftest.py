"""What every test stands on: its database, the world of `tests/world.py`, and no internet."""

import gc

from tests.billing.on_account import *  # noqa: F403
from tests.database import *  # noqa: F403
from tests.deaths import *  # noqa: F403
from tests.everything import world  # noqa: F401
from tests.loopback import *  # noqa: F403
from tests.receiver import *  # noqa: F403
from tests.stripe_account import *  # noqa: F403
from tests.upstream import *  # noqa: F403
from tests.world import *  # noqa: F403


def pytest_collection_finish() -> None:
    """All modules and tests stay to the end: they are not looked through again at each collection of garbage."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
