"""Numbers for new ERP records, where the ERP leaves numbering to us."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Max

from connectors.models import Connection
from sync.models import NumberGiven

TRIES = 20


def number_for(erp: Connection, series: str, key: str) -> int:
    """The number of ``key`` in a series of this ERP connection: given once, the same ever after.

    Committed before it is used, so that a create whose answer was lost is looked for under it.
    """
    rows = NumberGiven.objects.filter(erp=erp, series=series)
    for _ in range(TRIES):
        given = rows.filter(key=key).values_list("number", flat=True).first()
        if given is not None:
            return given
        following = (rows.aggregate(last=Max("number"))["last"] or 0) + 1
        try:
            with transaction.atomic():
                NumberGiven.objects.create(erp=erp, series=series, key=key, number=following)
        except IntegrityError:
            continue  # another worker gave this number, or numbered this key
        return following
    raise RuntimeError(f"no number could be given in {series} after {TRIES} tries")
