"""A database of its own on the product's server, migrated, and dropped at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.conf import settings
from django.core.management import call_command


@contextmanager
def database() -> Iterator[None]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "seedance_saas.settings")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    django.setup()
    from django.db import connection, connections

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns when there is none
    settings.SECURE_SSL_REDIRECT = False
    settings.API_REQUESTS_PER_MINUTE = 10**9
    product, name = settings.DATABASES["default"]["NAME"], f"seedance_bench_{os.getpid()}"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connections.close_all()
    connections.settings["default"]["NAME"] = name
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        connections.close_all()
        connections.settings["default"]["NAME"] = product
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        connections.close_all()
