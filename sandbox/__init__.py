"""Simulators of the systems: real HTTP servers that answer, limit and refuse as the vendors do.

They share no code with the product, so that no mistake is made twice, and are started as programs:
``python -m sandbox.bigcommerce`` and ``python -m sandbox.business_central``.
"""
