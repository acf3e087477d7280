"""What comes of jobs that were given up: an attempt may be an orphan, which ended otherwise and then made a video
after all; and one answer that a job is not known is not the end of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generations", "0010_thumbnails")]

    operations = [
        migrations.AddField(
            model_name="attempt", name="lost_since", field=models.DateTimeField(null=True)
        ),
        migrations.AlterField(
            model_name="attempt",
            name="state",
            field=models.CharField(
                choices=[
                    ("submitting", "Submitting"),
                    ("unknown", "Unknown"),
                    ("accepted", "Accepted"),
                    ("not_started", "Not Started"),
                    ("refused", "Refused"),
                    ("succeeded", "Succeeded"),
                    ("failed", "Failed"),
                    ("canceled", "Canceled"),
                    ("orphan", "Orphan"),
                ],
                default="submitting",
                max_length=12,
            ),
        ),
    ]
