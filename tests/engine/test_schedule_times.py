"""When a flow with times of day runs next, also where the clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync import route_settings, schedules
from sync.models import FlowSchedule

# Clocks changed by an hour, half an hour, two hours; at midnight; before it; never.
ZONES = (
    "America/New_York", "Europe/London", "Australia/Lord_Howe", "Antarctica/Troll",
    "Africa/Cairo", "America/Nuuk", "Asia/Beirut", "America/Santiago", "Pacific/Auckland",
    "Africa/Casablanca", "Asia/Kolkata", "UTC",
)  # fmt: skip
MOST_CHANGED = timedelta(hours=2)


def next_run(zone: str, times: list[str], after: datetime) -> datetime:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(route_settings, "own_time_zone", lambda: zone)
        return schedules.next_run(FlowSchedule(at_times=times), after)


@pytest.mark.parametrize(
    ("at", "after", "expected"),
    [
        # 01:30 comes twice: the second time is not another run.
        ("01:30", "2026-11-01T05:10Z", "2026-11-01T05:30Z"),
        ("01:30", "2026-11-01T05:40Z", "2026-11-02T06:30Z"),
        ("01:30", "2026-11-01T06:10Z", "2026-11-02T06:30Z"),
        # 02:30 does not come: it is met an hour later by the clock.
        ("02:30", "2026-03-08T06:50Z", "2026-03-08T07:30Z"),
        ("02:30", "2026-03-08T07:05Z", "2026-03-08T07:30Z"),
        ("02:30", "2026-03-08T07:40Z", "2026-03-09T06:30Z"),
    ],
)
def test_a_time_that_comes_twice_or_not_at_all_is_met_once(at, after, expected):
    found = next_run("America/New_York", [at], datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(expected)


def test_the_earliest_of_several_times_comes_first_where_one_of_them_is_left_out():
    after = datetime(2026, 3, 8, 7, 5, tzinfo=UTC)
    assert next_run("America/New_York", ["02:30", "03:10"], after) == datetime(
        2026, 3, 8, 7, 10, tzinfo=UTC
    )


def test_a_time_that_is_left_out_before_midnight_is_met_after_it():
    after = datetime(2026, 3, 29, 1, 10, tzinfo=UTC)  # 00:10 in Nuuk, where 23:00 was left out
    assert next_run("America/Nuuk", ["23:30"], after) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@given(
    zone=st.sampled_from(ZONES),
    at=st.times().map(lambda moment: f"{moment:%H:%M}"),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)),
)
@example("America/New_York", "01:30", datetime(2026, 11, 1, 6, 10, tzinfo=UTC))
@example("America/New_York", "02:30", datetime(2026, 3, 8, 7, 5, tzinfo=UTC))
def test_a_daily_time_is_ahead_and_met_once_each_day(zone, at, start):
    runs = [start]
    for _ in range(5):
        runs.append(next_run(zone, [at], runs[-1]))
        assert timedelta(0) < runs[-1] - runs[-2] <= timedelta(hours=24) + MOST_CHANGED
    local = [run.astimezone(ZoneInfo(zone)) for run in runs[1:]]
    wanted = time.fromisoformat(at)
    met = [moment.date() for moment in local if moment.time() == wanted]
    assert len(met) == len(set(met))
    day = local[0].date()
    while day <= local[-1].date():
        moment = datetime.combine(day, wanted, ZoneInfo(zone))
        there_is_one = moment.astimezone(UTC).astimezone(ZoneInfo(zone)).time() == wanted
        if there_is_one and moment.astimezone(UTC) > start and moment.astimezone(UTC) <= runs[-1]:
            assert day in met
        day += timedelta(days=1)
