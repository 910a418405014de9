"""The API's addresses: each reads the request, asks one query or act, and answers."""
