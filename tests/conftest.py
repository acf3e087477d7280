"""What every test stands on: the world of `tests/world.py`, a queue that can be drained."""

from tests.upstream import *  # noqa: F403
from tests.world import *  # noqa: F403
