from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0010_wording'),
    ]

    operations = [
        migrations.AlterField(
            model_name='entry',
            name='action',
            field=models.CharField(choices=[('signed_in', 'Signed in'), ('sign_in_failed', 'Sign-in failed'), ('signed_out', 'Signed out'), ('hook_refused', 'Webhook refused'), ('notice_stored', 'Change reported'), ('transfer_created', 'Announced'), ('transfer_started', 'Work began'), ('order_fetched', 'Read from the store'), ('order_skipped', 'Skipped'), ('held', 'Held'), ('released', 'Released'), ('asked_again', 'Asked again'), ('replayed', 'Replayed'), ('skipped_by_person', 'Skipped by a person'), ('difference_accepted', 'Difference accepted'), ('customer_matched', 'Customer matched'), ('customer_created', 'Customer created'), ('customer_agreed', 'Customer brought into agreement'), ('item_matched', 'Items matched'), ('document_intended', 'Document planned'), ('document_sent', 'Document sent'), ('document_adopted', 'Document found again'), ('document_created', 'Draft created'), ('document_checked', 'Totals compared'), ('document_posted', 'Posted'), ('document_accepted', 'Accepted by the ERP'), ('posted_in_erp', 'Posted in the ERP'), ('redated', 'Posting date moved'), ('document_withdrawn', 'Draft withdrawn'), ('outcome_unknown', 'No answer'), ('retry_planned', 'Will try again'), ('failed', 'Failed'), ('changed_after_posting', 'Changed after posting'), ('correction_ordered', 'Correction ordered'), ('mapping_saved', 'Mapping changed'), ('mapping_reset', 'Mapping reset'), ('lookup_saved', 'Lookup row saved'), ('lookup_deleted', 'Lookup row deleted'), ('identity_set', 'Identity set'), ('schedule_saved', 'Schedule'), ('flow_finished', 'Flow finished'), ('row_refused', 'Row refused'), ('row_taken', 'Row written'), ('connection_created', 'Connection added'), ('settings_changed', 'Settings changed'), ('credentials_changed', 'Credentials changed'), ('connection_pinged', 'Connection tested'), ('connection_state_changed', 'Connection state'), ('connection_reached', 'How it is reached'), ('relay_site_saved', 'Relay site'), ('relay_agent_invited', 'Relay agent invited'), ('relay_agent_enrolled', 'Relay agent enrolled'), ('relay_agent_key', "Relay agent's key"), ('relay_agent_revoked', 'Relay agent revoked'), ('relay_agent_removed', 'Relay agent removed'), ('hooks_registered', 'Webhooks registered'), ('hooks_healed', 'Webhooks healed'), ('backfilled', 'Backfilled'), ('route_saved', 'Route saved'), ('person_added', 'Person added'), ('person_removed', 'Person removed'), ('role_changed', 'Role changed'), ('token_created', 'API token made'), ('token_revoked', 'API token revoked'), ('exported', 'Exported'), ('erased', 'Retention ended')], max_length=40),
        ),
    ]
