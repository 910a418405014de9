"""Adobe Commerce as a connector meets it: PaaS with OAuth 1.0a, or the cloud service with IMS."""
