"""The columns that searches and raw saves may name, by record. Source: the vendor's schema."""

from __future__ import annotations


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ORDER = _names(
    """
adjustment_negative adjustment_positive applied_rule_ids base_adjustment_negative
base_adjustment_positive base_currency_code base_discount_amount base_discount_canceled
base_discount_invoiced base_discount_refunded base_grand_total
base_discount_tax_compensation_amount base_discount_tax_compensation_invoiced
base_discount_tax_compensation_refunded base_shipping_amount base_shipping_canceled
base_shipping_discount_amount base_shipping_discount_tax_compensation_amnt
base_shipping_incl_tax base_shipping_invoiced base_shipping_refunded base_shipping_tax_amount
base_shipping_tax_refunded base_subtotal base_subtotal_canceled base_subtotal_incl_tax
base_subtotal_invoiced base_subtotal_refunded base_tax_amount base_tax_canceled
base_tax_invoiced base_tax_refunded base_total_canceled base_total_due base_total_invoiced
base_total_invoiced_cost base_total_offline_refunded base_total_online_refunded base_total_paid
base_total_qty_ordered base_total_refunded base_to_global_rate base_to_order_rate
billing_address_id can_ship_partially can_ship_partially_item coupon_code created_at
customer_dob customer_email customer_firstname customer_gender customer_group_id customer_id
customer_is_guest customer_lastname customer_middlename customer_note customer_note_notify
customer_prefix customer_suffix customer_taxvat discount_amount discount_canceled
discount_description discount_invoiced discount_refunded edit_increment email_sent entity_id
ext_customer_id ext_order_id forced_shipment_with_invoice global_currency_code grand_total
discount_tax_compensation_amount discount_tax_compensation_invoiced
discount_tax_compensation_refunded hold_before_state hold_before_status increment_id is_virtual
order_currency_code original_increment_id payment_authorization_amount payment_auth_expiration
protect_code quote_address_id quote_id relation_child_id relation_child_real_id
relation_parent_id relation_parent_real_id remote_ip shipping_amount shipping_canceled
shipping_description shipping_discount_amount shipping_discount_tax_compensation_amount
shipping_incl_tax shipping_invoiced shipping_refunded shipping_tax_amount shipping_tax_refunded
state status store_currency_code store_id store_name store_to_base_rate store_to_order_rate
subtotal subtotal_canceled subtotal_incl_tax subtotal_invoiced subtotal_refunded tax_amount
tax_canceled tax_invoiced tax_refunded total_canceled total_due total_invoiced total_item_count
total_offline_refunded total_online_refunded total_paid total_qty_ordered total_refunded
updated_at weight x_forwarded_for
"""
)
_DOCUMENT = _names(
    """
base_currency_code base_discount_amount base_grand_total base_discount_tax_compensation_amount
base_shipping_amount base_shipping_discount_tax_compensation_amnt base_shipping_incl_tax
base_shipping_tax_amount base_subtotal base_subtotal_incl_tax base_tax_amount
base_to_global_rate base_to_order_rate billing_address_id created_at discount_amount
discount_description email_sent entity_id global_currency_code grand_total
discount_tax_compensation_amount increment_id order_currency_code order_id shipping_address_id
shipping_amount shipping_discount_tax_compensation_amount shipping_incl_tax shipping_tax_amount
state store_currency_code store_id store_to_base_rate store_to_order_rate subtotal
subtotal_incl_tax tax_amount transaction_id updated_at
"""
)
INVOICE = (*_DOCUMENT, "base_total_refunded", "can_void_flag", "is_used_for_refund", "total_qty")
CREDITMEMO = (
    *_DOCUMENT,
    *_names("adjustment adjustment_negative adjustment_positive base_adjustment"),
    *_names("base_adjustment_negative base_adjustment_positive creditmemo_status invoice_id"),
)
TRANSACTION = _names(
    """
transaction_id parent_id order_id payment_id txn_id parent_txn_id txn_type is_closed created_at
"""
)
CUSTOMER = _names(
    """
id entity_id group_id default_billing default_shipping confirmation created_at updated_at
created_in dob email firstname lastname middlename prefix suffix gender store_id taxvat
website_id disable_auto_group_change
"""
)
SOURCE_ITEM = ("sku", "source_code", "quantity", "status")
PRODUCT = _names(
    """
id entity_id sku name attribute_set_id price status visibility type_id created_at updated_at
weight
"""
)
PRODUCT_ATTRIBUTES = _names(
    """
ean url_key tax_class_id options_container price_type sku_type description short_description
special_price special_from_date special_to_date meta_title meta_keyword meta_description cost
country_of_manufacture manufacturer color category_ids
"""
)
CUSTOMER_FIELDS = frozenset(CUSTOMER) - {"entity_id"} | {
    "addresses",
    "extension_attributes",
    "custom_attributes",
}
_ADDRESS = _names(
    """
city company country_id custom_attributes customer_id default_billing default_shipping
extension_attributes fax firstname id lastname middlename postcode prefix region region_id
street suffix telephone vat_id
"""
)
ADDRESS_FIELDS = frozenset(_ADDRESS)
PRODUCT_FIELDS = frozenset(PRODUCT) - {"entity_id"} | {
    "extension_attributes",
    "product_links",
    "options",
    "media_gallery_entries",
    "tier_prices",
    "custom_attributes",
}
