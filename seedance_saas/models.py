"""What the kernel remembers: when each sweep of the clock last ran."""

from django.db import models


class Sweep(models.Model):
    """One entry of settings.CLOCK. `run` counts its enqueues and is the referee between clocks."""

    name = models.CharField(primary_key=True, max_length=200)
    run = models.BigIntegerField(default=0)
    enqueued_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
