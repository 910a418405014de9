"""Dynamics NAV 2018, and Business Central 14 to 17 on the customer's own server.

Two interfaces carry the same books: the OData v4 page services, which an administrator publishes
one by one under names of his choice, and the API ("beta" in NAV 2018, v1.0 from Business Central
14 on), which is switched off until he turns it on. Sign-in: Windows (NTLM), user name with password
or web service access key, or an Entra application. Quirks: what a page shows decides what can be
sent, so names, lengths and parts are read from ``$metadata``; each request runs the page's code,
and a question that nobody can answer is a refusal; documents are entered line by line; there is no
posting of its own in NAV 2018. Limits are the server's settings; nothing is published.
Documentation: learn.microsoft.com/dynamics-nav and /previous-versions/dynamicsnav-2018-developer.
"""
