"""A customer as an ERP is asked to create it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDraft:
    """Values for a new ERP customer, already within the ERP's field lengths.

    ``fields`` holds the target fields of the ERP (``Erp.target_fields``) by name; an empty text
    means "leave it to the ERP". ``notes`` says in words what was shortened or replaced.
    """

    email: str
    display_name: str
    fields: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
