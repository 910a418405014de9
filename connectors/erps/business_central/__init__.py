"""Dynamics 365 Business Central through its API v2.0.

Authentication: an Entra application by client credentials, registered in Business Central under
"Microsoft Entra Applications" with permission sets. Limits online: 6,000 requests in five minutes
and five at once for each application. Quirks: nearly every refusal is a 400 whose meaning is in
its code and text (asked for in en-US); codes are stored in upper case; a sales document's
external document number is not unique, so we look before we create.
Documentation: learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0.
"""
