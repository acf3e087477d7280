"""The list of 2026-05-28 and the plan that pays it as it is. Before the triggers: these began long ago."""

from datetime import UTC, datetime

from django.db import migrations
from django.db.models import F

VERSION = "2026-05-28"
BEGINS = datetime(2026, 5, 28, tzinfo=UTC)
RATES = (
    ("standard", "480p", 141_200),
    ("standard", "720p", 302_400),
    ("standard", "1080p", 685_000),
    ("fast", "480p", 112_900),
    ("fast", "720p", 241_900),
)


def seed(apps, schema_editor):
    card = apps.get_model("generations", "RateCard").objects.create(
        version=VERSION,
        note="The provider's list prices.",
        effective_from=BEGINS,
        published_at=BEGINS,
    )
    apps.get_model("generations", "RateRule").objects.bulk_create(
        apps.get_model("generations", "RateRule")(
            card=card,
            position=position,
            name=f"{tier} {resolution}",
            tier=tier,
            resolution=resolution,
            rate_microusd_per_second=rate,
            cost_microusd_per_second=rate,
        )
        for position, (tier, resolution, rate) in enumerate(RATES, start=1)
    )
    apps.get_model("generations", "PlanMargin").objects.create(
        plan="standard",
        revision=1,
        margin_basis_points=0,
        effective_from=BEGINS,
        why="The plan of everybody without another one.",
    )
    # On the only card there was until now, our cost is the rate.
    apps.get_model("generations", "Generation").objects.filter(
        cost_microusd_per_second=None
    ).update(cost_microusd_per_second=F("rate_microusd_per_second"))


class Migration(migrations.Migration):
    dependencies = [("generations", "0002_prices_and_quotes")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
