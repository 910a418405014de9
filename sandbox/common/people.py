"""Made-up shoppers with the names and addresses that break careless software."""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST = [
    "Amelia",
    "Oliver",
    "Zoë",
    "Seán",
    "Niamh",
    "Günter",
    "Chloé",
    "François",
    "Łukasz",
    "Mary-Jane",
    "D'Arcy",
    "Priya",
    "Mohammed",
    "Siân",
    "Owen",
    "Fiona",
    "Hamish",
    "Anaïs",
    "Jürgen",
    "Beatrice",
    "Tom",
    "Ruth",
    "Aoife",
    "Noah",
    "Isla",
]
LAST = [
    "Smith",
    "O'Neil",
    "Brontë",
    "MacDonald",
    "Müller",
    "Lefèvre",
    "Patel",
    "Khan",
    "Ó-Briain",
    "Jones",
    "Taylor-Green",
    "Weiß",
    "Kowalski",
    "Evans",
    "Wright",
    "D'Souza",
    "Hughes",
    "Campbell",
    "Murphy",
    "Fischer",
]
STREETS = ("High Street", "Mill Lane", "Church Road", "The Crescent", "Station Road", "Park View")
PLACES = {
    "GB": (
        ("Leeds", "West Yorkshire", "LS1 4AP"),
        ("Bristol", "", "BS1 5TR"),
        ("Edinburgh", "Midlothian", "EH1 1YZ"),
        ("Cardiff", "", "CF10 1EP"),
        ("Kendal", "Cumbria", "LA9 4DQ"),
    ),
    "IE": (("Cork", "Co. Cork", "T12 X70A"), ("Galway", "", "H91 E2K8")),
    "DE": (("München", "Bayern", "80331"), ("Köln", "", "50667")),
    "FR": (("Besançon", "", "25000"), ("Lyon", "", "69002")),
    "US": (("Portland", "Oregon", "97205"), ("Burlington", "Vermont", "05401")),
}
COUNTRIES = {
    "GB": "United Kingdom",
    "IE": "Ireland",
    "DE": "Germany",
    "FR": "France",
    "US": "United States",
}
PHONES = {
    "GB": "+44 1632 96",
    "IE": "+353 21 55",
    "DE": "+49 89 55",
    "FR": "+33 1 99",
    "US": "+1 503 555 ",
}


@dataclass(frozen=True, slots=True)
class Person:
    first_name: str
    last_name: str
    email: str
    company: str
    phone: str
    street_1: str
    street_2: str
    city: str
    state: str
    postal_code: str
    country_code: str

    @property
    def country(self) -> str:
        return COUNTRIES[self.country_code]


def make_person(chance: random.Random, country: str = "", email: str = "") -> Person:
    """A shopper; ``country`` is an ISO code of ``PLACES``."""
    country = country or chance.choices(("GB", "IE", "DE", "FR"), (92, 4, 2, 2))[0]
    first, last = chance.choice(FIRST), chance.choice(LAST)
    plain = "".join(
        c for c in f"{first}.{last}".lower() if c.isascii() and (c.isalnum() or c == ".")
    )
    tag = chance.choice(("", "", "", "+shop", "+web"))
    local = f"{plain}{chance.randint(1, 9999)}{tag}"
    if chance.random() < 0.15:
        local = local.title()
    city, state, postal_code = chance.choice(PLACES[country])
    return Person(
        first_name=first,
        last_name=last,
        email=email or f"{local}@example.{chance.choice(('com', 'org', 'net'))}",
        company=chance.choice(("", "", "", "", f"{last} & Co. Ltd")),
        phone=f"{PHONES[country]}{chance.randint(1000, 9999)}",
        street_1=f"{chance.randint(1, 240)} {chance.choice(STREETS)}",
        street_2=chance.choice(("", "", "Flat 2", "c/o Reception")),
        city=city,
        state=state,
        postal_code=postal_code,
        country_code=country,
    )
