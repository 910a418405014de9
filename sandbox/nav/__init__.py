"""Dynamics NAV 2018 with its page services, SOAP codeunits and beta API; Business Central 14+ on
the customer's own server with API v1.0. One company's books behind all of them."""
