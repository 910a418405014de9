from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("audit", "0002_insert_only")]

    operations = [
        migrations.AddField(
            model_name="seal",
            name="settled_to",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="seal",
            name="seen_to",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="seal",
            name="writers",
            field=models.JSONField(default=list),
        ),
    ]
