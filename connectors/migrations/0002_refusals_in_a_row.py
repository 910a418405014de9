from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("connectors", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="hooktally",
            name="last_refused_code",
            field=models.CharField(blank=True, max_length=40, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="hooktally",
            name="refused_in_row",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="hooktally",
            name="refused_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
