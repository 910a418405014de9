"""How amounts are written: at their currency's places, and never with a digit less than there is."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

# ISO 4217: the currencies whose minor unit is not a hundredth.
_PLACES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_PLACES_OF = {code: count for count, codes in _PLACES.items() for code in codes.split()}


def places(currency: str) -> int:
    """Decimal places of a currency's minor unit; 2 for one that is not known."""
    return _PLACES_OF.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """To the currency's places, halves away from zero."""
    return amount.quantize(Decimal(1).scaleb(-places(currency)), ROUND_HALF_UP)


def written(amount: Decimal, currency: str = "", *, separator: str = ",") -> str:
    """``1,234.50``: the currency's places, or as many more as the amount really has."""
    exponent = amount.normalize().as_tuple().exponent
    own = -exponent if isinstance(exponent, int) else 0
    return f"{amount:,.{max(places(currency), own)}f}".replace(",", separator)
