"""A customer as an ERP is asked to create it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDraft:
    """Values for a new ERP customer, already within the ERP's field lengths.

    ``fields`` holds the target fields of the ERP (``Erp.target_fields``) by name; an empty text
    means "leave it to the ERP". ``notes`` says in words what was shortened or replaced.
    ``store_key`` is how the shopper is known on our side (``id:<number>`` or ``email:<address>``).
    ``sequence`` is set for ERPs that leave numbering to us (``Erp.numbers_customers`` is False):
    counted per ERP connection, and the same again for the same shopper after an unknown outcome.
    """

    email: str
    display_name: str
    fields: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    store_key: str = ""
    sequence: int = 0
