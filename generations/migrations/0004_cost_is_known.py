"""Every generation knows by now what a second of it costs us."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generations", "0003_seed_prices")]

    operations = [
        migrations.AlterField("generation", "cost_microusd_per_second", models.BigIntegerField()),
    ]
