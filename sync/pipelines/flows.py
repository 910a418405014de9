"""A run of one flow of master data: pages with a cursor, taken up by whichever process is next."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors import services
from connectors.errors import ConnectorError, NeedsAttention, OutcomeUnknown, TryLater
from sync import dispatch, schedules
from sync.models import Flow, FlowSchedule
from sync.pipelines.catalog import WORKS
from sync.pipelines.desk import Desk, Tally
from sync.pipelines.one_sided import Report

# A task works for so long and then makes room for orders; the rest follows in another task.
SLICE_SECONDS = 20
LEASE = timedelta(minutes=5)
FULL_EVERY = timedelta(hours=24)
SOON = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=15)


def run(schedule_id: int) -> None:
    """Run one flow for a while. Everything that it needs to go on is in its row."""
    token = uuid.uuid4()
    row = _claim(schedule_id, token)
    if row is None:
        return
    try:
        finished = _read(row, token)
    except NeedsAttention as error:
        for connection in (row.route.store, row.route.erp):
            if error.source == str(connection.pk):
                services.report_problem(connection, error)
        _let_go(row, token, f"{error.reason} {error.vendor_words}".strip())
        schedules.plan(row)
        return
    except ConnectorError as error:
        _let_go(row, token, f"{error.reason} {error.vendor_words}".strip())
        # What is down comes back soon; what was refused is refused again until somebody acts.
        passing = isinstance(error, TryLater | OutcomeUnknown)
        wait = min(error.retry_after or (SOON if passing else LONGEST_WAIT), LONGEST_WAIT)
        dispatch.wake_at(dispatch.FLOW, row.pk, timezone.now() + wait)
        return
    except BaseException:
        _let_go(row, token, "It was interrupted and goes on where it was.")
        dispatch.wake_at(dispatch.FLOW, row.pk, timezone.now() + SOON)
        raise
    if not finished:
        _let_go(row, token, "")
        dispatch.wake(dispatch.FLOW, row.pk)


def _claim(schedule_id: int, token: uuid.UUID) -> FlowSchedule | None:
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    with transaction.atomic():
        row = (
            FlowSchedule.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("route__store", "route__erp")
            .filter(free, pk=schedule_id)
            .first()
        )
        if row is None:
            return None
        wanted = row.route.is_active and Flow(row.flow) in schedules.wanted(row.route)
        if not wanted:
            dispatch.forget(dispatch.FLOW, row.pk)  # it is planned anew once the route wants it
            FlowSchedule.objects.filter(pk=row.pk).update(next_at=None)
            return None
        if row.is_paused or not (row.route.store.is_open and row.route.erp.is_open):
            schedules.plan(row)
            return None
        if not row.is_running:
            row.rows_seen = row.rows_written = row.rows_refused = 0
            row.started_at = now
            row.next_at = None  # a notice that comes from now on sets it again
            # A price that begins today changes no item: once a day everything is read.
            row.is_full = not row.marker or row.full_at is None or now - row.full_at > FULL_EVERY
            if row.is_full:
                row.marker = row.resume = ""
                row.full_at = now  # one that is asked for from now on empties it again
        row.is_running = True
        row.lease_token, row.lease_until = token, now + LEASE
        row.save()
        dispatch.wake_at(dispatch.FLOW, row.pk, row.lease_until)
    return row


@services.yielding()
def _read(row: FlowSchedule, token: uuid.UUID) -> bool:
    """Pages until the slice of time is over; True once everything is read and told."""
    until = time.monotonic() + SLICE_SECONDS
    reported = row.flow == Flow.ITEMS
    report = Report.read(row.resume)
    if report is None:
        work = WORKS[row.flow](Desk.of(row.route))
        report = Report(row.marker)
        for page in work.reading(row.marker, row.resume):
            tally = work.page(page.rows)
            report.marker = page.marker or row.marker
            following = page.resume or (report.resume if reported else "")
            if not _keep(row, token, following, tally, len(page.rows)):
                return False
            if page.resume and time.monotonic() > until:
                return False
    if reported:
        for follows in report.pages(row.route, services.open_store(row.route.store)):
            if follows and (
                not _keep(row, token, report.resume, Tally(), 0) or time.monotonic() > until
            ):
                return False
    return _finish(row, token, report)


def _ours(row: FlowSchedule, token: uuid.UUID) -> QuerySet[FlowSchedule]:
    """The row while this process has it and nobody has asked to begin from the start."""
    return FlowSchedule.objects.filter(
        pk=row.pk, lease_token=token, marker=row.marker, resume=row.resume
    )


def _keep(row: FlowSchedule, token: uuid.UUID, resume: str, tally: Tally, seen: int) -> bool:
    kept = _ours(row, token).update(
        resume=resume,
        rows_seen=F("rows_seen") + seen,
        rows_written=F("rows_written") + tally.written,
        rows_refused=F("rows_refused") + tally.refused,
        lease_until=timezone.now() + LEASE,
    )
    row.resume = resume
    return bool(kept)


def _finish(row: FlowSchedule, token: uuid.UUID, report: Report) -> bool:
    told = report.words(row.route) if row.flow == Flow.ITEMS else {}
    with transaction.atomic():
        fresh = _ours(row, token).select_for_update(of=("self",)).select_related("route").first()
        if fresh is None:
            return False
        fresh.marker, fresh.resume = report.marker, ""
        fresh.is_running = fresh.is_full = False
        fresh.lease_token = fresh.lease_until = None
        fresh.finished_at = timezone.now()
        fresh.report = told
        fresh.words = (
            f"{fresh.rows_seen} row{'' if fresh.rows_seen == 1 else 's'} read, {fresh.rows_written} written, "
            f"{fresh.rows_refused} refused."
        )
        fresh.save()
        if fresh.rows_written or fresh.rows_refused:
            audit.record(
                Action.FLOW_FINISHED,
                f"{fresh.get_flow_display()} of “{fresh.route.name}”: {fresh.words}",
                route_id=fresh.route_id,
                data={
                    "seen": fresh.rows_seen,
                    "written": fresh.rows_written,
                    "refused": fresh.rows_refused,
                },
            )
        if fresh.next_at is None:
            schedules.plan(fresh)
        else:
            dispatch.wake_at(dispatch.FLOW, fresh.pk, max(fresh.next_at, timezone.now()))
    return True


def _let_go(row: FlowSchedule, token: uuid.UUID, words: str) -> None:
    kept = FlowSchedule.objects.filter(pk=row.pk, lease_token=token)
    kept.update(lease_token=None, lease_until=None, **({"words": words} if words else {}))
