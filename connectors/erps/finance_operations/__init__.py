"""Dynamics 365 Finance & Operations through its OData endpoint (data entities).

Authentication: an Entra application by client credentials, registered in the environment under
"Microsoft Entra ID applications" and mapped to a user, whose security roles and default company
count. Limits: resource-based throttling (429, often without Retry-After). Quirks: without
``cross-company=true`` only the user's default company is seen, and a wrong company is an empty page
with 200; refusals carry an infolog in the user's language; references are not unique, so we look
before we create; header and lines are separate writes; nothing can be posted by OData, batch jobs of
the environment do that.
Documentation: learn.microsoft.com/dynamics365/fin-ops-core/dev-itpro/data-entities/odata.
"""
