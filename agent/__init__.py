"""The relay agent of ml-connector: carries calls to a system on the customer's own network."""

__version__ = "1.0.0"
