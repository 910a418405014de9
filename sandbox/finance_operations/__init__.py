"""Dynamics 365 Finance & Operations: the OData endpoint of one environment, its batch jobs."""
