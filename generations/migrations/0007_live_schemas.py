"""What the providers say of our models, each version as it came."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('generations', '0006_files_in_storage'),
    ]

    operations = [
        migrations.CreateModel(
            name='ModelSchema',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=20)),
                ('model', models.CharField(max_length=60)),
                ('number', models.PositiveIntegerField()),
                ('schema', models.JSONField()),
                ('read_at', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('provider', 'model', 'number'), name='schemas_are_numbered')],
            },
        ),
    ]
