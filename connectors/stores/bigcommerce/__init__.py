"""BigCommerce through its REST API: V2 orders; V3 transactions, customers, catalogue and hooks.

Authentication: ``X-Auth-Token`` of a store-level API account. Limits: a quota each 30 seconds for
all apps of the store together, told in ``X-Rate-Limit-*`` headers. Quirks: V2 answers an empty
list with 204 and no body; money is text with four decimals; an order may be unknown for a moment
after its own webhook. Documentation: developer.bigcommerce.com.
"""
