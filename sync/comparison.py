"""The store's order against the ERP's document, to the cent: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import zip_longest

from connectors.records import DocumentDraft, DraftLine, ErpDocument, ErpDocumentLine

ZERO = Decimal(0)


def rounded(amount: Decimal, places: int) -> Decimal:
    """Half away from zero, as ledgers round."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison; an amount is None where a side has no such line."""

    what: str
    store: Decimal | None
    erp: Decimal | None

    @property
    def difference(self) -> Decimal:
        return (self.store or ZERO) - (self.erp or ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both sides with tax, line by line, and their totals and tax."""

    total: Row
    tax: Row
    rows: tuple[Row, ...] = ()
    tax_tolerance: Decimal = ZERO
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def totals_agree(self) -> bool:
        return self.total.difference == 0

    @property
    def tax_agrees(self) -> bool:
        return abs(self.tax.difference) <= self.tax_tolerance

    @property
    def agrees(self) -> bool:
        return self.totals_agree and self.tax_agrees

    def as_json(self) -> dict[str, object]:
        """Amounts as decimal strings, as ``Transfer.comparison`` keeps them."""

        def row(item: Row) -> dict[str, str | None]:
            return {
                "what": item.what,
                "store": None if item.store is None else f"{item.store:f}",
                "erp": None if item.erp is None else f"{item.erp:f}",
                "difference": f"{item.difference:f}",
            }

        return {
            "rows": [row(item) for item in self.rows],
            "total": row(self.total),
            "tax": row(self.tax),
            "tax_tolerance": f"{self.tax_tolerance:f}",
        }


def compare(
    draft: DocumentDraft, document: ErpDocument, *, places: int, check_tax: bool = True
) -> Comparison:
    """Compare what the store charged with what the ERP would book.

    The totals must be equal to the cent. The tax may differ by what rounding alone explains: the
    store rounds it line by line, the ERP once a rate, so by up to half a unit a line. A wrong
    rate in prices that include tax changes the tax and not the total: this catches it.
    """
    if not document.has_totals:
        return _by_lines(draft, document, places)
    unit = Decimal(1).scaleb(-places)
    tolerance = rounded(unit * (len(draft.lines) + 1) / 2, places)
    return Comparison(
        total=Row("Total", rounded(draft.total_inc_tax, places), document.total_inc_tax),
        tax=Row("Tax", rounded(draft.total_tax, places), document.total_tax),
        rows=_rows(draft, document, places),
        tax_tolerance=tolerance if check_tax else abs(draft.total_tax) + abs(document.total_tax),
    )


def _by_lines(draft: DocumentDraft, document: ErpDocument, places: int) -> Comparison:
    """Where the ERP works totals out later: the sum of the lines, in the document's own pricing
    mode. Its tax is not known yet and is not compared."""
    with_tax = document.prices_include_tax
    ours = sum(
        (
            rounded(line.amount_inc_tax if with_tax else line.amount_ex_tax, places)
            for line in draft.lines
        ),
        ZERO,
    )
    theirs = sum(
        (line.amount_inc_tax if with_tax else line.amount_ex_tax for line in document.lines), ZERO
    )
    words = "Lines with tax" if with_tax else "Lines before tax"
    return Comparison(
        total=Row(words, ours, theirs),
        tax=Row("Tax, worked out when the ERP posts", draft.total_tax, draft.total_tax),
        rows=_rows(draft, document, places, with_tax=with_tax),
    )


def _rows(
    draft: DocumentDraft, document: ErpDocument, places: int, *, with_tax: bool = True
) -> tuple[Row, ...]:
    return tuple(
        _row(ours, theirs, places, with_tax=with_tax)
        for ours, theirs in zip_longest(draft.lines, document.lines)
    )


def _row(
    ours: DraftLine | None, theirs: ErpDocumentLine | None, places: int, *, with_tax: bool
) -> Row:
    name = ours.description if ours else theirs.description if theirs else ""
    here = there = None
    if ours is not None:
        here = rounded(ours.amount_inc_tax if with_tax else ours.amount_ex_tax, places)
    if theirs is not None:
        there = theirs.amount_inc_tax if with_tax else theirs.amount_ex_tax
    return Row(name, here, there)
