"""The product's settings, with a database, a folder and a speed for tests. They never leave this machine."""

import os
import re
from pathlib import Path

from seedance_saas import database

ROOT = Path(__file__).resolve().parent.parent

# Whatever a developer's shell holds, tests must not reach a real upstream: of all the variables that
# the product reads, only DATABASE_URL stays. Its role must be a superuser (see tests/database.py).
_READ = re.compile(r'env\.\w+\(\s*"([A-Z0-9_]+)"')
for _name in _READ.findall((ROOT / "seedance_saas" / "settings.py").read_text()):
    if _name != "DATABASE_URL":
        os.environ.pop(_name, None)
os.environ["DATA_DIR"] = str(ROOT / ".data" / "test")
os.environ["SECRET_KEY"] = "only-for-tests-" * 4
os.environ["OPERATOR_PATH"] = "operator"  # so that a test can say where it looks
# Set for the processes that pytest starts, too: they then need no lock of their own on the server.
if not os.environ.get("DATABASE_URL"):
    os.environ["DATABASE_URL"] = database.embedded_url(ROOT / ".data" / "test", durable=False)

from seedance_saas.settings import *  # noqa: E402, F403
from seedance_saas.settings import DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

# Several runs at the same time, on our own server, do not meet. Its leftovers go: tests/database.py.
OWN_SERVER = str(ROOT / ".data" / "test") in os.environ["DATABASE_URL"]
if OWN_SERVER:
    DATABASES["default"]["TEST"] = {"NAME": f"test_{os.getpid()}"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns when there is none
