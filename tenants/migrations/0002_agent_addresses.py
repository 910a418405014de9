import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AgentAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=20, unique=True)),
                ('agent_id', models.BigIntegerField()),
                ('site_id', models.BigIntegerField()),
                ('is_enrolled', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='agent_addresses', to='tenants.tenant')),
            ],
            options={
                'verbose_name_plural': 'agent addresses',
                'ordering': ['tenant', 'agent_id'],
            },
        ),
    ]
