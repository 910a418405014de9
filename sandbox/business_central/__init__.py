"""A Business Central environment: Entra sign-in and API v2.0 of sales, with AL's arithmetic."""
