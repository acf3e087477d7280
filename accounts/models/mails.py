"""What is still to be said by mail."""

from django.db import models


class OwedMail(models.Model):
    """A mail from the moment it is owed until everybody has it; then the row goes. See mails.py."""

    compose = models.CharField(max_length=100)  # the name of the function that gives its messages
    arguments = models.JSONField()
    told = models.JSONField(default=list)  # the addresses that have it
    owed_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(db_index=True)  # while it is being sent: when the sender is dead
    give_up_at = models.DateTimeField()
    tries_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.compose} {self.pk}"
