"""Every file in storage gets a row of its own; what is there already is kept for thirty days from now on."""

import django.db.models.deletion
import functools
import seedance_saas.ids
from django.db import migrations, models


# The name of an input told its content, so one row stands for all that name it.
KNOW_WHAT_IS_THERE = """
INSERT INTO generations_storedfile
    (id, organization_id, name, purpose, state, sha256, content_type, bytes, created_at, keep_until)
SELECT DISTINCT ON (i.file) 'fil_' || md5(i.file), g.organization_id, i.file, 'input', 'ready', i.sha256,
    i.content_type, i.bytes, now(), now() + interval '30 days'
FROM generations_inputfile i JOIN generations_generation g ON g.id = i.generation_id WHERE i.file <> '';
UPDATE generations_inputfile SET stored_id = 'fil_' || md5(file) WHERE file <> '';
INSERT INTO generations_storedfile
    (id, organization_id, generation_id, name, purpose, state, sha256, content_type, bytes, created_at, keep_until)
SELECT 'fil_' || md5(f.name), g.organization_id, g.id, f.name, 'output', 'ready', f.sha256, f.content_type,
    f.bytes, now(), now() + interval '30 days'
FROM generations_generation g CROSS JOIN LATERAL (VALUES
    (g.video_file, g.video_sha256, 'video/mp4', coalesce(g.video_bytes, 0)),
    (g.poster_file, '', 'image/jpeg', 0)) f (name, sha256, content_type, bytes)
WHERE f.name <> '';
UPDATE generations_generation SET files_expire_at = now() + interval '30 days' WHERE video_file <> '';
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_organization_plan'),
        ('generations', '0005_published_prices_stand'),
    ]

    operations = [
        migrations.AddField(
            model_name='generation',
            name='erased_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='generation',
            name='files_expire_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='generation',
            name='preview_file',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.CreateModel(
            name='StoragePolicy',
            fields=[
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='storage_policy', serialize=False, to='accounts.organization')),
                ('retention_days', models.PositiveSmallIntegerField()),
                ('upload_bytes_max', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('retention_days__gte', 1)), name='files_are_kept_a_day_at_least')],
            },
        ),
        migrations.CreateModel(
            name='StoredFile',
            fields=[
                ('id', models.CharField(default=functools.partial(seedance_saas.ids.new, *('fil',), **{}), editable=False, max_length=40, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200, unique=True)),
                ('purpose', models.CharField(choices=[('input', 'Input'), ('upload', 'Upload'), ('output', 'Output')], max_length=10)),
                ('state', models.CharField(choices=[('writing', 'Writing'), ('ready', 'Ready'), ('leaving', 'Leaving')], default='writing', max_length=10)),
                ('sha256', models.CharField(max_length=64)),
                ('content_type', models.CharField(max_length=40)),
                ('bytes', models.BigIntegerField()),
                ('width', models.PositiveIntegerField(null=True)),
                ('height', models.PositiveIntegerField(null=True)),
                ('milliseconds', models.PositiveIntegerField(null=True)),
                ('created_at', models.DateTimeField()),
                ('keep_until', models.DateTimeField()),
                ('generation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='output_files', to='generations.generation')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='stored_files', to='accounts.organization')),
            ],
        ),
        migrations.AddField(
            model_name='inputfile',
            name='stored',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='input_files', to='generations.storedfile'),
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.CharField(default=functools.partial(seedance_saas.ids.new, *('upl',), **{}), editable=False, max_length=40, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('api_key', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to='accounts.apikey')),
                ('member', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to='accounts.membership')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to='accounts.organization')),
                ('stored', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to='generations.storedfile')),
            ],
        ),
        migrations.AddIndex(
            model_name='storedfile',
            index=models.Index(fields=['organization', 'purpose'], name='stored_files_of_organization'),
        ),
        migrations.AddIndex(
            model_name='storedfile',
            index=models.Index(fields=['keep_until'], name='stored_files_that_go'),
        ),
        migrations.AddIndex(
            model_name='storedfile',
            index=models.Index(condition=models.Q(('state', 'ready'), _negated=True), fields=['created_at'], name='stored_files_half_done'),
        ),
        migrations.RunSQL(KNOW_WHAT_IS_THERE, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name='inputfile',
            name='bytes',
        ),
        migrations.RemoveField(
            model_name='inputfile',
            name='content_type',
        ),
        migrations.RemoveField(
            model_name='inputfile',
            name='file',
        ),
        migrations.RemoveField(
            model_name='inputfile',
            name='sha256',
        ),
        migrations.AddConstraint(
            model_name='storedfile',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'ready'), models.Q(('purpose', 'output'), _negated=True)), fields=('organization', 'sha256'), name='an_input_is_kept_once'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['organization', '-id'], name='uploads_of_organization'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['expires_at'], name='uploads_that_expire'),
        ),
    ]
