"""A Dynamics GP server: Service Based Architecture and the legacy web service, unposted work only.

Where Microsoft's documents are silent (bodies, filters, the codes of refusals) the wire profile
of this product decides; ``GET .../help`` lists it resource by resource, field by field.
"""
