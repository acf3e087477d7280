"""What our staff was told at night."""

from django.db import models
from django.db.models import Q


class Alarm(models.Model):
    """A trouble, from when it was first seen until it was not seen any more for a while."""

    name = models.CharField(max_length=200)  # of the trouble: "provider:eachlabs"
    words = models.TextField()
    path = models.CharField(max_length=200, blank=True)
    count = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    due_at = models.DateTimeField()  # told no sooner
    told_count = models.PositiveIntegerField(default=0)
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_open_alarm", fields=["name"], condition=Q(ended_at=None)
            )
        ]

    def __str__(self) -> str:
        return self.name
