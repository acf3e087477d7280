"""What the kernel remembers: when each sweep of the clock last ran, and what all processes share for a while."""

from django.db import models


class Sweep(models.Model):
    """One entry of settings.CLOCK. `run` counts its enqueues and is the referee between clocks."""

    name = models.CharField(primary_key=True, max_length=200)
    run = models.BigIntegerField(default=0)
    enqueued_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)  # the first run of those that failed in a row

    def __str__(self) -> str:
        return self.name


class Remembered(models.Model):
    """One value of the cache that all processes share (shared_cache.py)."""

    key = models.CharField(primary_key=True, max_length=250)
    value = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
