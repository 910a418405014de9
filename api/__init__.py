"""The REST API under ``/api/v1/``, for a tenant's own programs."""
