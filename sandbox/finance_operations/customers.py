"""Customers, their addresses and groups."""

from __future__ import annotations

from sandbox.finance_operations import dimensions, seed
from sandbox.finance_operations.environment import Environment, Row
from sandbox.finance_operations.shapes import NULL_INSTANT, Shape
from sandbox.finance_operations.writing import (
    WriteFailed,
    check_relations,
    company_of,
    exists_already,
    refused,
    required,
    unrelated,
)

_ADDRESS = ("City", "CountryRegionId", "County", "Description", "State", "Street", "ZipCode")


def customer_of(env: Environment, shape: Shape, company: str, name: str, account: str) -> Row:
    """The customer that a document names; not one on hold for everything."""
    if not account:
        raise required("Customer account")
    row = env.find("CustomersV3", dataAreaId=company, CustomerAccount=account)
    if row is None:
        raise unrelated(shape, name, account, "Customer account", "Customers")
    if row["OnHoldStatus"] == "All":
        raise refused(f"Customer {row['CustomerAccount']} is on hold for 'All'.")
    return row


def full_name(row: Row) -> str:
    if row["PartyType"] == "Person":
        parts = (row["PersonFirstName"], row["PersonMiddleName"], row["PersonLastName"])
        return " ".join(part for part in parts if part)
    return str(row["OrganizationName"])


def drawn_number(
    env: Environment, mode: str, sent: str, sequence: str, company: str, pattern: str, label: str
) -> str:
    """A number by the sequence's setup: automatic, manual, or either."""
    if mode == "manual" and not sent:
        raise required(label)
    if sent and mode != "automatic":
        return sent
    return env.number(sequence, company, pattern)


class Customers:
    """CustomersV3."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        env = self.env
        company = company_of(env, values)
        values = {"PartyType": "Organization", **values}
        if not values.get("CustomerGroupId"):
            raise required("Customer group")
        if not values.get("SalesCurrencyCode"):
            raise required("Currency")
        self._check(shape, values)
        self._check_names(values)
        mode, sent = str(env.settings["customer_numbers"]), values.get("CustomerAccount", "")
        if mode == "automatic" and sent:
            if env.settings["sent_customer_account"] == "refused":
                raise WriteFailed(
                    "Error: The number sequence for Customer account does not allow manual numbers.",
                    "Error: Update has been canceled.",
                )
            sent = ""
        account = drawn_number(
            env, mode, sent, "customer", company.id, company.id.upper() + "-{:06d}",
            "Customer account",
        )  # fmt: skip
        if env.find("CustomersV3", dataAreaId=company.id, CustomerAccount=account):
            raise exists_already("Customers", "CustTable", Customer_account=account)
        group = env.find(
            "CustomerGroups", dataAreaId=company.id, CustomerGroupId=values["CustomerGroupId"]
        )
        assert group is not None
        fresh = {
            "LanguageId": "en-US",
            "PaymentTerms": group["PaymentTermId"],
            "IsSalesTaxIncludedInPrices": group["IsSalesTaxIncludedInPrice"],
            "PartyCountry": values.get("AddressCountryRegionId", ""),
            **values,
            "CustomerAccount": account,
            "PartyNumber": env.number("party", "", "{:09d}"),
        }
        row = env.insert("CustomersV3", fresh)
        name = full_name(row)
        named = {
            "OrganizationName": name,
            "NameAlias": row["NameAlias"] or name[:20],
            "KnownAs": row["KnownAs"] or name,
        }
        row = env.change("CustomersV3", row, **named)
        if any(values.get(f"Address{part}") for part in _ADDRESS):
            row = self._primary_address(row)
        return row

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        merged = {**row, **values}
        self._check(shape, merged)
        self._check_names(merged)
        codes = {name: merged[name] for name in values}
        if "PartyType" in codes and codes["PartyType"] != row["PartyType"]:
            raise refused("The party type cannot be changed.", source="CustTable")
        if set(values) & {"PersonFirstName", "PersonMiddleName", "PersonLastName"}:
            codes["OrganizationName"] = full_name(merged)
        row = self.env.change("CustomersV3", row, **codes)
        if any(f"Address{part}" in values for part in _ADDRESS):
            row = self._primary_address(row)
        return row

    def remove(self, row: Row) -> None:
        env, account = self.env, row["CustomerAccount"]
        for table, column in (
            ("SalesOrderHeaders", "OrderingCustomerAccountNumber"),
            ("FreeTextInvoiceHeaders", "CustomerAccount"),
        ):
            if env.find(table, dataAreaId=row["dataAreaId"], **{column: account}):
                raise refused("Customer cannot be deleted while transactions exist.")
        env.remove("CustomersV3", row)

    def _check(self, shape: Shape, values: Row) -> None:
        check_relations(self.env, shape, values)
        if dimension := values.get("DefaultDimensionDisplayValue"):
            values["DefaultDimensionDisplayValue"] = dimensions.default_value(self.env, dimension)
        if (invoiced := values.get("InvoiceAccount")) and not self.env.find(
            "CustomersV3", dataAreaId=values["dataAreaId"], CustomerAccount=invoiced
        ):
            raise unrelated(shape, "InvoiceAccount", invoiced, "Invoice account", "Customers")

    def _check_names(self, values: Row) -> None:
        if values["PartyType"] == "Person":
            if not values.get("PersonFirstName"):
                raise required("First name")
        elif values["PartyType"] != "Organization":
            raise refused(f"'{values['PartyType']}' is not a party type.")
        elif not values.get("OrganizationName"):
            raise required("Name")

    def _primary_address(self, row: Row) -> Row:
        """The address in the party's address book that the customer's fields stand for."""
        env = self.env
        location = row["AddressLocationId"] or env.number("location", "", "{:09d}")
        address = {
            f"Address{part}": row[f"Address{part}"]
            for part in (*_ADDRESS, "DistrictName", "StreetNumber")
        }
        stored = stored_address(env, row, location, {**address, "IsPrimary": "Yes"})
        copies = {
            f"{kind}Address{part}": row[f"Address{part}"]
            for kind in ("Delivery", "Invoice")
            for part in _ADDRESS
        }
        return env.change(
            "CustomersV3",
            row,
            **copies,
            AddressLocationId=location,
            AddressCountryRegionISOCode=stored["AddressCountryRegionISOCode"],
            DeliveryAddressCountryRegionISOCode=stored["AddressCountryRegionISOCode"],
            InvoiceAddressCountryRegionISOCode=stored["AddressCountryRegionISOCode"],
            FullPrimaryAddress=stored["FormattedDeliveryAddress"],
            AddressRecordId=stored["_recid"],
        )


def stored_address(env: Environment, customer: Row, location: str, values: Row) -> Row:
    table = "CustomerPostalAddressesV2"
    key = {
        "dataAreaId": customer["dataAreaId"],
        "CustomerAccount": customer["CustomerAccount"],
        "AddressLocationId": location,
    }
    country = values.get("AddressCountryRegionId", "")
    values = {
        **values,
        "AddressCountryRegionISOCode": seed.COUNTRIES.get(country, ""),
        "FormattedDeliveryAddress": formatted(values),
    }
    old = env.find(table, **key)
    if old is not None:
        return env.change(table, old, **values)
    return env.insert(
        table,
        {"AddressValidFrom": NULL_INSTANT, "AddressLocationRoles": "Business", **values, **key},
    )


def formatted(values: Row, prefix: str = "Address") -> str:
    """An address in lines, as the address book formats it."""
    place = " ".join(
        values.get(f"{prefix}{part}", "") for part in ("City", "State", "StateId", "ZipCode")
    )
    parts = (
        values.get(f"{prefix}Street", ""),
        " ".join(place.split()),
        values.get(f"{prefix}CountryRegionId", ""),
    )
    return "\n".join(part for part in parts if part)


class Addresses:
    """CustomerPostalAddressesV2."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        company = company_of(self.env, values)
        check_relations(self.env, shape, values)
        account = values.get("CustomerAccount", "")
        customer = customer_of(self.env, shape, company.id, "CustomerAccount", account)
        location = values.pop("AddressLocationId", "") or self.env.number("location", "", "{:09d}")
        return stored_address(self.env, customer, location, values)

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        return stored_address(self.env, row, row["AddressLocationId"], merged)

    def remove(self, row: Row) -> None:
        self.env.remove("CustomerPostalAddressesV2", row)


class Groups:
    """CustomerGroups."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def create(self, shape: Shape, values: Row) -> Row:
        company = company_of(self.env, values)
        name = values.get("CustomerGroupId", "")
        if not name:
            raise required("Customer group")
        check_relations(self.env, shape, values)
        if self.env.find("CustomerGroups", dataAreaId=company.id, CustomerGroupId=name):
            raise exists_already("Customer groups", "CustGroup", Customer_group=name)
        return self.env.insert("CustomerGroups", values)

    def change(self, shape: Shape, row: Row, values: Row) -> Row:
        merged = {**row, **values}
        check_relations(self.env, shape, merged)
        return self.env.change("CustomerGroups", row, **{name: merged[name] for name in values})

    def remove(self, row: Row) -> None:
        self.env.remove("CustomerGroups", row)
