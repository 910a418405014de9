"""Long readings of NAV's master data, taken page by page."""

from __future__ import annotations

from tests.connectors.nav.conftest import ENTRA, Workshop

DAY = 86_400


def everything(reading):
    """(all rows, the marker for the next reading, the number of pages)."""
    pages = list(reading)
    assert [page.resume != "" for page in pages] == [True] * (len(pages) - 1) + [False]
    assert all(not page.marker for page in pages[:-1])
    return [row for page in pages for row in page.rows], pages[-1].marker, len(pages)


def wait_a_day(way: Workshop) -> None:
    """Past the overlap: the server then sees what changed before as old."""
    way.simulator.post("clock", advance_seconds=3 * DAY)
    if way.way is ENTRA:
        way.simulator.post("tokens/expire")
        way.cache.values.clear()
