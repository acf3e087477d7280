"""The rows of files: what lies in storage and whose it is, what was uploaded, what an organization keeps how long."""

from functools import partial

from django.db import models
from django.db.models import Q

from accounts.models import ApiKey, Membership, Organization
from seedance_saas import ids


class StoredFile(models.Model):
    """One object in storage. The row is written before the object and goes after it, so that a process may
    die at any line and nothing is left behind that no row names (stored_files.py)."""

    class Purpose(models.TextChoices):
        INPUT = "input"  # fetched for a generation
        UPLOAD = "upload"  # counts against what the organization may store
        OUTPUT = "output"

    class State(models.TextChoices):
        WRITING = "writing"
        READY = "ready"
        LEAVING = "leaving"

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "fil"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="stored_files", db_index=False
    )
    generation = models.ForeignKey(
        "generations.Generation", models.PROTECT, null=True, related_name="output_files"
    )
    name = models.CharField(max_length=200, unique=True)  # in storage; never used a second time
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WRITING)
    sha256 = models.CharField(max_length=64)
    content_type = models.CharField(max_length=40)
    bytes = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    milliseconds = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    keep_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "sha256"],
                name="an_input_is_kept_once",
                condition=Q(state="ready") & ~Q(purpose="output"),
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "purpose"], name="stored_files_of_organization"),
            models.Index(fields=["keep_until"], name="stored_files_that_go"),
            models.Index(
                fields=["created_at"],
                name="stored_files_half_done",
                condition=~Q(state="ready"),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Thumbnail(models.Model):
    """A stored picture, small, for lists. A few kilobytes: they lie in the row, and go with the file's."""

    stored = models.OneToOneField(
        StoredFile, models.CASCADE, primary_key=True, related_name="thumbnail"
    )
    webp = models.BinaryField()

    def __str__(self) -> str:
        return str(self.stored_id)


class Upload(models.Model):
    """A file that was sent to us, to be named in requests. Several may be of the same content."""

    id = models.CharField(
        primary_key=True, max_length=ids.ID_LENGTH, default=partial(ids.new, "upl"), editable=False
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="uploads", db_index=False
    )
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="uploads")
    member = models.ForeignKey(Membership, models.PROTECT, null=True, related_name="uploads")
    stored = models.ForeignKey(StoredFile, models.PROTECT, related_name="uploads")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-id"], name="uploads_of_organization"),
            models.Index(fields=["expires_at"], name="uploads_that_expire"),
        ]

    def __str__(self) -> str:
        return self.id


class StoragePolicy(models.Model):
    """How long an organization's files are kept and how many bytes it may upload; none: the settings say."""

    organization = models.OneToOneField(
        Organization, models.CASCADE, related_name="storage_policy", primary_key=True
    )
    retention_days = models.PositiveSmallIntegerField()
    upload_bytes_max = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="files_are_kept_a_day_at_least", condition=Q(retention_days__gte=1)
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}: {self.retention_days} days"
