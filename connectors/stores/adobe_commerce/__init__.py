"""Adobe Commerce (Magento 2) through its REST API, in both of its products.

PaaS (cloud infrastructure, on-premises, Open Source): OAuth 1.0a signatures of an integration,
``/rest/{store view}/V1``. SaaS (Commerce as a Cloud Service): Adobe IMS bearer tokens, the tenant
in the path, the store view in a header. Quirks: null fields are left out; amounts are PHP floats;
times are UTC without saying so; a webhook comes before its order is saved. Documentation:
developer.adobe.com/commerce/webapi and /commerce/extensibility.
"""
