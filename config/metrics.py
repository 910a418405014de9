"""Figures for an operator's monitoring, in Prometheus' text format."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from connectors.relay import figures
from tenants import agenda


def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, for whoever sends ``METRICS_TOKEN`` as a bearer token; 404 without one set."""
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        answer = HttpResponse("Send METRICS_TOKEN as a bearer token.\n", status=401)
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    """Read when they are asked for; the cost does not grow with the number of tenants' rows."""

    def collect(self) -> Iterator[Metric]:
        yield from _agenda()
        try:
            yield from _relay()
        except (RedisError, OSError):
            up = 0
        else:
            up = 1
        yield GaugeMetricFamily("mlc_redis_up", "Whether Redis answers.", value=up)


def _agenda() -> Iterator[Metric]:
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, count(*) FROM public.tenants_agendaitem WHERE due_at <= %s GROUP BY kind",
            [now],
        )
        rows = cursor.fetchall()
    due = GaugeMetricFamily("mlc_agenda_due", "Agenda rows that are due, by kind.", labels=["kind"])
    for kind, count in rows:
        due.add_metric([kind], count)
    yield due
    oldest = agenda.oldest_due()
    yield GaugeMetricFamily(
        "mlc_agenda_lateness_seconds",
        "For how long the oldest row of the agenda has been due.",
        value=max((now - oldest).total_seconds(), 0) if oldest else 0,
    )


def _relay() -> Iterator[Metric]:
    labels = ["tenant", "site"]
    sites = figures.sites()
    gauges = {
        "agents_enrolled": "Relay agents that may sign in.",
        "agents_online": "Relay agents that are there.",
        "jobs_waiting": "Calls that no relay agent has taken yet.",
        "jobs_in_flight": "Calls that a relay agent has in hand.",
    }
    for name, words in gauges.items():
        gauge = GaugeMetricFamily(f"mlc_relay_{name}", words, labels=labels)
        for site in sites:
            gauge.add_metric([site.schema, str(site.site_id)], getattr(site, name))
        yield gauge
    trip = GaugeMetricFamily(
        "mlc_relay_round_trip_seconds",
        "Median round trip between relay agent and connector, as its agents measured it last.",
        labels=labels,
    )
    for site in sites:
        if site.round_trip_ms is not None:
            trip.add_metric([site.schema, str(site.site_id)], site.round_trip_ms / 1000)
    yield trip
    yield from _agents(sites)
    refused = CounterMetricFamily(
        "mlc_relay_refused_requests", "Requests of relay agents that were refused.", labels=["code"]
    )
    for code, count in sorted(figures.refused().items()):
        refused.add_metric([code], count)
    yield refused


def _agents(sites: tuple[figures.SiteFigures, ...]) -> Iterator[Metric]:
    labels = ["tenant", "site", "agent"]
    seen = GaugeMetricFamily(
        "mlc_relay_agent_last_seen_timestamp_seconds",
        "When a relay agent said something last, in seconds since the epoch.",
        labels=[*labels, "version"],
    )
    clock = GaugeMetricFamily(
        "mlc_relay_agent_clock_difference_seconds",
        "By how much a relay agent's clock is ahead of ours.",
        labels=labels,
    )
    certificate = GaugeMetricFamily(
        "mlc_relay_agent_certificate_expiry_timestamp_seconds",
        "Until when the certificate of a system on site is valid, in seconds since the epoch.",
        labels=[*labels, "url"],
    )
    for site in sites:
        for agent in site.agents:
            where = [site.schema, str(site.site_id), agent.key]
            if agent.seen_at is not None:
                seen.add_metric([*where, agent.version], agent.seen_at)
            if agent.clock_difference_seconds is not None:
                clock.add_metric(where, agent.clock_difference_seconds)
            for url, until in agent.certificates:
                certificate.add_metric([*where, url], until)
    yield from (seen, clock, certificate)
