"""What our staff is told of: troubles that last."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_personal_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='Alarm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('words', models.TextField()),
                ('path', models.CharField(blank=True, max_length=200)),
                ('count', models.PositiveIntegerField()),
                ('began_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('told_count', models.PositiveIntegerField(default=0)),
                ('told_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('name',), name='one_open_alarm')],
            },
        ),
    ]
