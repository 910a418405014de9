import connectors.models
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connectors', '0003_completeness_and_hooks'),
    ]

    operations = [
        migrations.CreateModel(
            name='RelaySite',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True)),
                ('slug', models.SlugField(max_length=40, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='connection',
            name='sign_in_on_site',
            field=models.BooleanField(default=False, help_text="Its account is in the relay agents' own configuration, not here."),
        ),
        migrations.AddField(
            model_name='connection',
            name='relay_site',
            field=models.ForeignKey(blank=True, help_text="The customer's network whose relay agents reach it; empty: reached directly.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='connections', to='connectors.relaysite'),
        ),
        migrations.CreateModel(
            name='RelayAgent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('key', models.CharField(default=connectors.models.new_agent_key, max_length=20, unique=True)),
                ('public_key', models.CharField(blank=True, max_length=60)),
                ('previous_key', models.CharField(blank=True, max_length=60)),
                ('key_at', models.DateTimeField(blank=True, null=True)),
                ('rotate_asked_at', models.DateTimeField(blank=True, null=True)),
                ('token_hash', models.CharField(blank=True, max_length=64)),
                ('token_expires_at', models.DateTimeField(blank=True, null=True)),
                ('enrolled_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('last_seen_at', models.DateTimeField(blank=True, null=True)),
                ('state', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='agents', to='connectors.relaysite')),
            ],
            options={
                'ordering': ['site', 'name'],
                'constraints': [models.UniqueConstraint(fields=('site', 'name'), name='one_agent_of_a_name_a_site')],
            },
        ),
    ]
