"""An attempt may be an orphan: it ended otherwise, and then it made a video after all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generations", "0010_thumbnails")]

    operations = [
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
