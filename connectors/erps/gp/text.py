"""Text for columns of a single-byte code page. Pure.

GP's columns are CHAR, not NCHAR: what the database's code page lacks would be lost or become a
question mark, and a control character makes its own web service fail when it reads the record.
"""

from __future__ import annotations

import unicodedata

CODE_PAGES = (
    ("cp1252", "Windows 1252 (Western European)"),
    ("cp1250", "Windows 1250 (Central European)"),
    ("cp1251", "Windows 1251 (Cyrillic)"),
    ("cp1253", "Windows 1253 (Greek)"),
    ("cp1254", "Windows 1254 (Turkish)"),
    ("cp1257", "Windows 1257 (Baltic)"),
)
UNKNOWN = "?"
# Letters that Unicode does not take apart into a base letter and a mark.
_LATIN = {
    "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Ħ": "H", "ħ": "h", "ı": "i",
    "Ŋ": "N", "ŋ": "n", "Ø": "O", "ø": "o", "Œ": "OE", "œ": "oe", "Æ": "AE", "æ": "ae", "ß": "ss",
    "ẞ": "SS", "Þ": "Th", "þ": "th", "Ŧ": "T", "ŧ": "t", "ĸ": "k", "Ə": "E", "ə": "e",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "‚": "'",
    "“": '"', "”": '"', "„": '"', "…": "...", "€": "EUR", "№": "No.", "ʼ": "'", "×": "x",
}  # fmt: skip
_CYRILLIC = """
а=a б=b в=v г=g д=d е=e ж=zh з=z и=i й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh
ц=ts ч=ch ш=sh щ=shch ъ= ы=y ь= э=e ю=yu я=ya і=i ї=yi є=ye ґ=g ў=u љ=lj њ=nj ђ=dj ћ=c џ=dz
ј=j
"""
_GREEK = """
α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f
χ=ch ψ=ps ω=o
"""
_SMALL = dict(pair.split("=") for pair in (_CYRILLIC + _GREEK).split())


def fit(text: str, page: str, length: int) -> tuple[str, bool]:
    """(the text as the column can hold it, whether letters had to be replaced).

    One line without control characters and doubled blanks, in the code page, not longer than
    ``length``. A letter that cannot be written otherwise becomes a question mark.
    """
    plain = "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in unicodedata.normalize("NFC", text)
        if unicodedata.category(char) not in ("Cf", "Cs", "Co", "Cn")
    )
    parts = [_written(char, page) for char in plain]
    fitted = " ".join("".join(parts).split())[:length].rstrip()
    return fitted, parts != list(plain)


def _written(char: str, page: str) -> str:
    if _has(page, char):
        return char
    for candidate in _instead(char):
        if candidate is not None and all(_has(page, part) for part in candidate):
            return candidate
    return UNKNOWN


def _instead(char: str) -> tuple[str | None, ...]:
    lower = char.lower()
    base = "".join(
        part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part)
    )
    letters = _SMALL.get(lower)
    if letters is None and base.lower() in _SMALL:
        letters = _SMALL[base.lower()]
    if letters is not None and char != lower:
        letters = letters[:1].upper() + letters[1:]
    return _LATIN.get(char), letters, base or None


def _has(page: str, char: str) -> bool:
    try:
        char.encode(page)
    except UnicodeEncodeError:
        return False
    return True
