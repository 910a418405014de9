"""A draft's lines as the amounts of one receivables document. Pure.

GP's arithmetic must hold exactly: document = sales - trade discount + freight + miscellaneous +
tax (eConnect error 621), tax = its details (712), debits = credits. All amounts are positive; the
document's type gives the sign. Receivables documents have no lines, so the lines live on in the
distributions, by account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from connectors.errors import Rejected
from connectors.records import DocumentDraft, DraftLine, LineKind

ZERO = Decimal(0)
SALES, DISCOUNT, FREIGHT, MISCELLANEOUS = "sales", "discount", "freight", "miscellaneous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """The connection's accounts and tax detail, where no lookup row says otherwise. Empty texts
    are allowed where the document needs none."""

    receivable: str = ""
    sales: str = ""
    returns: str = ""
    discount: str = ""
    tax: str = ""
    tax_detail: str = ""


@dataclass(frozen=True, slots=True)
class TaxShare:
    """What falls on one tax detail: the taxable amount, and its tax by where it comes from."""

    detail: str
    taxable: Decimal
    by_part: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.by_part.values(), ZERO)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The document's amounts in its currency, rounded; ``parts`` holds what falls on each account
    within sales, discount, freight and miscellaneous."""

    total: Decimal
    tax: Decimal
    parts: Mapping[str, Mapping[str, Decimal]]
    taxes: tuple[TaxShare, ...] = ()

    def of(self, part: str) -> Decimal:
        return sum(self.parts.get(part, {}).values(), ZERO)


@dataclass(slots=True)
class _Raw:
    """Unrounded sums while the lines are gone through."""

    parts: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    taxable: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    tax: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def add(self, part: str, account: str, amount: Decimal) -> None:
        if amount:
            accounts = self.parts.setdefault(part, {})
            accounts[account] = accounts.get(account, ZERO) + amount

    def total(self, part: str) -> Decimal:
        return sum(self.parts.get(part, {}).values(), ZERO)


def rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def amounts_of(
    draft: DocumentDraft, *, places: int, defaults: Defaults, credit: bool = False
) -> Amounts:
    """The amounts of a draft. Raises Rejected where they do not come to the draft's total, or
    where something that GP keeps positive would be negative."""
    total, tax = rounded(draft.total_inc_tax, places), rounded(draft.total_tax, places)
    lines = [line for line in draft.lines if line.kind is not LineKind.COMMENT]
    counted = _without_tax_line(lines, draft)
    raw = _Raw()
    for line in counted:
        _add(line, raw, defaults, credit)
    parts = _closed(draft, raw, total - tax, places, len(counted))
    if min(total, tax) < 0:
        raise _impossible(draft, "its total or its tax is negative")
    for part, accounts in parts.items():
        if sum(accounts.values(), ZERO) < 0:
            raise _impossible(draft, f"its {part} would be negative")
    taxes = _taxes(draft, raw, tax, places, defaults)
    return Amounts(total, tax, parts, taxes)


def _without_tax_line(lines: list[DraftLine], draft: DocumentDraft) -> list[DraftLine]:
    """Where the route books the store's tax as a line of its own, that line is the tax here."""
    excess = sum((line.amount_ex_tax for line in lines), ZERO) - (
        draft.total_inc_tax - draft.total_tax
    )
    for line in lines:
        if line.source == "tax" and draft.total_tax and line.amount_ex_tax == draft.total_tax:
            if abs(excess) >= abs(draft.total_tax) / 2:
                return [other for other in lines if other is not line]
    return lines


def _add(line: DraftLine, raw: _Raw, defaults: Defaults, credit: bool) -> None:
    source = line.source.partition(":")[0]
    named = line.number if line.kind is LineKind.ACCOUNT else ""
    if source == "line":
        account = named or account_of(line.fields.get("sales_account", "")) or defaults.sales
        if credit and defaults.returns and not named:
            account = defaults.returns
        raw.add(SALES, account, line.quantity * line.unit_price_ex_tax)
        raw.add(DISCOUNT, defaults.discount, line.discount_ex_tax)
        part = SALES
    elif line.amount_ex_tax < 0 or source == "discount":
        raw.add(DISCOUNT, named or defaults.discount, -line.amount_ex_tax)
        part = SALES
    else:
        part = FREIGHT if source == "shipping" else MISCELLANEOUS
        raw.add(part, named or defaults.sales, line.amount_ex_tax)
    detail = line.fields.get("tax_detail", "")
    key = (detail or f"?{line.fields.get('tax_class', '')}", part)
    taxed = line.amount_inc_tax - line.amount_ex_tax
    if taxed:
        raw.taxable[key] = raw.taxable.get(key, ZERO) + line.amount_ex_tax
        raw.tax[key] = raw.tax.get(key, ZERO) + taxed


def account_of(text: str) -> str:
    """A lookup value as an account number: ``account:000-1200-00`` or the number alone."""
    kind, colon, number = text.partition(":")
    return number.strip() if colon and kind.strip().casefold() == "account" else text.strip()


def _closed(
    draft: DocumentDraft, raw: _Raw, ex_tax: Decimal, places: int, lines: int
) -> dict[str, dict[str, Decimal]]:
    """The parts rounded, the cents that rounding leaves put where most of the money is."""
    totals = {part: rounded(raw.total(part), places) for part in raw.parts}
    due = sum((-v if part == DISCOUNT else v for part, v in totals.items()), ZERO)
    rest = ex_tax - due
    unit = Decimal(1).scaleb(-places)
    if abs(rest) > unit * (lines + len(totals) + 1) / 2:
        raise Rejected(
            f"{draft.reference}: lines {due}, total without tax {ex_tax}",
            hold="totals_disagree",
            reason=f"The lines come to {due:.{places}f} without tax, the order to "
            f"{ex_tax:.{places}f} {draft.currency}.",
            advice="GP wants an amount that adds up. Look for a discount or fee that is not in "
            "the order's lines, correct the mapping, then release the transfer.",
        )
    if rest:
        positive = [part for part in (SALES, FREIGHT, MISCELLANEOUS) if totals.get(part, ZERO) > 0]
        part = max(positive, key=lambda name: totals[name], default=MISCELLANEOUS)
        if part not in raw.parts:
            raw.parts[part] = {"": ZERO}
        totals[part] = totals.get(part, ZERO) + rest
    return {part: spread(raw.parts[part], total, places) for part, total in totals.items()}


def spread(shares: Mapping[str, Decimal], total: Decimal, places: int) -> dict[str, Decimal]:
    """Shares rounded so that they come to ``total`` exactly; the largest one takes the rest."""
    found = {name: rounded(amount, places) for name, amount in shares.items()}
    rest = total - sum(found.values(), ZERO)
    if rest:
        largest = max(found, key=lambda name: abs(found[name]))
        found[largest] += rest
    return {name: amount for name, amount in found.items() if amount}


def _taxes(
    draft: DocumentDraft, raw: _Raw, tax: Decimal, places: int, defaults: Defaults
) -> tuple[TaxShare, ...]:
    """One share for each tax detail; their sum is the document's tax, to the cent."""
    if not tax:
        return ()
    classes = {
        line.fields.get("tax_class", ""): line.fields["tax_detail"]
        for line in draft.lines
        if line.fields.get("tax_detail")
    }
    common = defaults.tax_detail or next(iter(classes.values()), "")
    known = raw.tax or {(f"?{next(iter(classes), '')}", SALES): tax}
    missing: set[str] = set()
    found: dict[tuple[str, str], Decimal] = {}
    taxable: dict[str, Decimal] = {}
    for (name, part), amount in known.items():
        detail = (classes.get(name[1:]) or common) if name.startswith("?") else name
        if not detail:
            missing.add(name[1:] or "*")
            continue
        found[detail, part] = found.get((detail, part), ZERO) + amount
        taxable[detail] = taxable.get(detail, ZERO) + raw.taxable.get((name, part), ZERO)
    if missing:
        raise lookup_missing("tax_details", missing, "tax detail", "Tax details by tax class")
    places_of = {f"{detail}\n{part}": amount for (detail, part), amount in found.items()}
    exact = spread(places_of, tax, places)
    if min(exact.values()) < 0:  # a detail on which more is given back than charged
        detail = max(found, key=lambda key: found[key])[0]
        exact = {f"{detail}\n{SALES}": tax}
    shares: dict[str, dict[str, Decimal]] = {}
    for key, amount in exact.items():
        detail, _, part = key.partition("\n")
        shares.setdefault(detail, {})[part] = amount
    return tuple(
        TaxShare(detail, max(rounded(taxable.get(detail, ZERO), places), ZERO), by_part)
        for detail, by_part in shares.items()
    )


def lookup_missing(table: str, keys: Iterable[str], what: str, title: str) -> Rejected:
    wanted = sorted(set(keys))
    names = ", ".join(f"“{key}”" for key in wanted)
    return Rejected(
        f"no {what} for {', '.join(wanted)}",
        hold="lookup_missing",
        keys=tuple(f"lookup:{table}:{key}" for key in wanted),
        reason=f"No {what} is given for {names}.",
        advice=f"Add a row to {title} under Mappings, or fill the default in the connection's "
        "settings; then it goes by itself, or release it.",
    )


def _impossible(draft: DocumentDraft, why: str) -> Rejected:
    return Rejected(
        f"{draft.reference}: {why}",
        hold="mapping",
        reason=f"This cannot be a receivables document in GP: {why}, and GP keeps all amounts "
        "positive.",
        advice="Book it by hand in GP, then mark this transfer as dealt with.",
    )
