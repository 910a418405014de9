"""A BigCommerce store: V2 orders, V3 transactions, customers, catalogue, hooks and their delivery."""
