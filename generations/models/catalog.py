"""What a provider's live schema said of a model, each version as it came."""

from django.db import models


class ModelSchema(models.Model):
    """The newest of a provider and model is in force. An empty schema: the provider does not know the model."""

    provider = models.CharField(max_length=20)
    model = models.CharField(max_length=60)  # ours
    number = models.PositiveIntegerField()
    schema = models.JSONField()
    read_at = models.DateTimeField()  # first
    confirmed_at = models.DateTimeField()  # last

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "model", "number"], name="schemas_are_numbered"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model} {self.number}"
