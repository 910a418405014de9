"""Microsoft Dynamics GP on a company's own server, by one of its two web services.

Service Based Architecture ("sba"): REST over HTTPS from GP 2015 on; it runs GP's own window logic.
Web Services for Dynamics GP ("soap"): the legacy SOAP endpoint, for servers without the former.

Authentication: a Windows account, by NTLM within the TLS connection. Limits: none published, but
each call occupies a whole GP process, so two at a time. Quirks: receivables documents have no
lines; their number is ours to give; only unposted work is written, and nothing can delete it
again; a batch has one posting date; columns hold a single-byte code page and pad with blanks.
Where Microsoft documents no body or filter, this product's own wire profile is followed and other
forms are read tolerantly.
Documentation: learn.microsoft.com/dynamics-gp/web-components and
learn.microsoft.com/previous-versions/dynamicsgp/developer.
"""
