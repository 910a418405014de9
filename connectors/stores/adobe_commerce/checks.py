"""What a ping of a Commerce store proves, each finding in its own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connectors.contract import Check, Ping, Verdict
from connectors.errors import ConnectorError, NeedsAttention, Rejected, TryLater, UnexpectedShape
from connectors.kit.reader import Reader
from connectors.stores.adobe_commerce import signing, webhooks
from connectors.stores.adobe_commerce.client import Client, Json

CLOCK_WARNING = 60  # seconds; the store refuses calls more than ten minutes ahead of it
PROBES = (
    ("Read invoices", "invoices", "entity_id"),
    ("Read credit memos", "creditmemos", "entity_id"),
    ("Read transactions", "transactions", "transaction_id"),
)
# What items, prices, stock and customers need; a connection for orders alone does without.
MASTER_PROBES = (
    ("Read products", "products", "entity_id", "items[id],total_count"),
    ("Read stock sources", "inventory/sources", "source_code", "items[source_code],total_count"),
    ("Read customers", "customers/search", "entity_id", "items[id],total_count"),
)
KEYS = {
    "webhook_public_key": "Webhook public key",
    "webhook_public_key_previous": "Previous webhook public key",
    "events_public_keys": "I/O Events public keys",
}


def run(client: Client, values: Mapping[str, str]) -> Ping:
    """Sign in, read what orders need, and look at the store views that are connected."""
    one = signing.search(
        (), sort=("entity_id",), page_size=1, fields="items[entity_id],total_count"
    )
    try:
        reply = client.request("GET", "orders", params=one, purpose="ping: read orders")
        count = Reader(reply.json(), "orders").integer("total_count", 0)
    except ConnectorError as error:
        return Ping(checks=(_failed("Sign in and read orders", _explained(error)),))
    signed_in = Check(
        name="Sign in and read orders",
        verdict=Verdict.OK,
        words=f"The store lets us in; it holds {count} orders.",
    )
    views, view_checks = _store_views(client, values)
    facts = _facts(client, views)
    facts["Orders"] = str(count)
    facts["Stock sources"] = _listed(client, "inventory/sources", ("source_code", "name"))
    sets = _rows(client, "products/attribute-sets/sets/list", "attribute_set_id")
    names = sorted({row.text("attribute_set_name", "") for row in sets} - {""})
    return Ping(
        checks=(
            signed_in,
            *_probes(client),
            *_master_probes(client),
            *view_checks,
            *_keys(values),
            _clock(reply.headers.get("date", "")),
        ),
        facts={name: value for name, value in facts.items() if value},
        choices={
            name: found
            for name, found in (
                (
                    "store_code",
                    tuple(
                        (view.text("code"), view.text("name", "") or view.text("code"))
                        for view in views
                    ),
                ),
                ("attribute_set", tuple((name, name) for name in names)),
            )
            if found
        },
    )


def _probes(client: Client) -> Iterator[Check]:
    for name, resource, identity in PROBES:
        params = signing.search(
            (), sort=(identity,), page_size=1, fields=f"items[{identity}],total_count"
        )
        try:
            client.request("GET", resource, params=params, purpose=f"ping: {name.lower()}")
        except ConnectorError as error:
            yield _failed(name, error)
        else:
            yield Check(name=name, verdict=Verdict.OK, words="Allowed.")


def _master_probes(client: Client) -> Iterator[Check]:
    for name, resource, identity, fields in MASTER_PROBES:
        params = signing.search((), sort=(identity,), page_size=1, fields=fields)
        try:
            client.request("GET", resource, params=params, purpose=f"ping: {name.lower()}")
        except (NeedsAttention, Rejected) as error:
            words = (
                f"Not allowed, which is not needed to carry orders. {error.reason} It is needed "
                "for the flows of items, prices, stock and customers."
            )
            yield Check(name=name, verdict=Verdict.SKIPPED, words=words, code=error.code)
        except ConnectorError as error:
            yield _failed(name, error)
        else:
            yield Check(name=name, verdict=Verdict.OK, words="Allowed.")


def _rows(client: Client, resource: str, identity: str) -> list[Reader]:
    """What is shown to people only; none where it cannot be read."""
    try:
        rows, _ = client.page(resource, (), sort=(identity,), purpose=f"ping: {resource}")
    except ConnectorError:
        return []
    return [Reader(row, resource) for row in rows]


def _listed(client: Client, resource: str, fields: tuple[str, str]) -> str:
    return ", ".join(
        " ".join(row.text(field, "") for field in fields)
        for row in _rows(client, resource, fields[0])
    )


def _store_views(client: Client, values: Mapping[str, str]) -> tuple[list[Reader], list[Check]]:
    name = "Store views"
    try:
        rows = client.rows("store/storeViews", purpose="ping: store views")
        views = [Reader(row, "store view") for row in rows]
        views = [view for view in views if view.integer("id")]
    except (NeedsAttention, Rejected) as error:
        words = (
            "The store views could not be read, which is not needed to carry orders. "
            f"{error.reason}"
        )
        return [], [Check(name=name, verdict=Verdict.SKIPPED, words=words, code=error.code)]
    except ConnectorError as error:
        return [], [_failed(name, error)]
    known = {view.integer("id"): view.text("name", "") for view in views}
    unknown = [number for number in client.store_ids if number not in known]
    if unknown:
        return views, [
            Check(
                name=name,
                verdict=Verdict.FAILED,
                words=f"The store has no store view {', '.join(map(str, unknown))}.",
                advice="Correct “Store views” in the settings; there are "
                + ", ".join(f"{number} ({words})" for number, words in known.items())
                + ".",
                whose_move="you",
                code="wrong_environment",
            )
        ]
    carried = client.store_ids or tuple(sorted(known))
    words = (
        f"Orders of {', '.join(known[number] or str(number) for number in carried)} are carried."
    )
    checks = [Check(name=name, verdict=Verdict.OK, words=words)]
    if client.store_ids:
        checks.append(
            Check(
                name="Orders of these store views",
                verdict=Verdict.OK,
                words=f"{_count(client)} orders in the store views that are connected.",
            )
        )
    return views, checks


def _count(client: Client) -> int:
    params = signing.search(
        [("store_id", "in", ",".join(map(str, client.store_ids)))],
        page_size=1,
        fields="items[entity_id],total_count",
    )
    reply = client.request("GET", "orders", params=params, purpose="ping: count orders")
    return Reader(reply.json(), "orders").integer("total_count", 0)


def _facts(client: Client, views: list[Reader]) -> dict[str, str]:
    facts = {
        "Store views": ", ".join(
            f"{view.integer('id')} {view.text('name', '')} ({view.text('code', '')})"
            for view in views
        )
    }
    try:
        configs: list[Json] = client.rows("store/storeConfigs", purpose="ping: store settings")
    except ConnectorError:
        return facts  # read for people's eyes only
    read = [Reader(config, "store config") for config in configs]
    for fact, field in (
        ("Base currency", "base_currency_code"),
        ("Shown currency", "default_display_currency_code"),
        ("Time zone", "timezone"),
        ("Shop", "base_url"),
    ):
        facts[fact] = ", ".join(dict.fromkeys(config.text(field, "") for config in read))
    return facts


def _keys(values: Mapping[str, str]) -> Iterator[Check]:
    for setting, name in KEYS.items():
        text = values.get(setting, "")
        if not text:
            continue
        try:
            keys = webhooks.keys_of(text)
        except ValueError as error:
            yield Check(
                name=name,
                verdict=Verdict.FAILED,
                words=f"The text under “{name}” {error}.",
                advice="Copy the whole public key from the store, its first and last line too.",
                whose_move="you",
                code="settings",
            )
        else:
            sizes = " and ".join(f"RSA, {key.key_size} bits" for key in keys)
            yield Check(name=name, verdict=Verdict.OK, words=f"Readable ({sizes}).")
    if values.get("events_public_keys") and not (
        values.get("events_client_id") or values.get("ims_client_id")
    ):
        yield Check(
            name="I/O Events project",
            verdict=Verdict.FAILED,
            words="Keys of I/O Events are saved, but no client ID: every Adobe customer's "
            "events are signed with these keys.",
            advice="Save the client ID of the Developer Console project that sends the events.",
            whose_move="you",
            code="settings",
        )


def _clock(date_header: str) -> Check:
    try:
        theirs = parsedate_to_datetime(date_header)
    except (TypeError, ValueError):
        return Check(name="Clock", verdict=Verdict.SKIPPED, words="The store sent no time.")
    seconds = abs((datetime.now(UTC) - theirs).total_seconds())
    if seconds <= CLOCK_WARNING:
        return Check(
            name="Clock", verdict=Verdict.OK, words=f"Our clocks agree within {seconds:.0f} s."
        )
    return Check(
        name="Clock",
        verdict=Verdict.WARNING,
        words=f"The store's clock and ours differ by {seconds:.0f} seconds.",
        advice="Signed calls that are ten minutes ahead of the store are refused: both servers' "
        "clocks should be set by NTP.",
        whose_move="us",
        code="clock",
    )


def _explained(error: ConnectorError) -> ConnectorError:
    """The first call's refusals, where they tell of a setting and not of a record."""
    if error.code in ("not_found", "no_route") or isinstance(error, UnexpectedShape):
        return NeedsAttention(
            error.detail,
            reason="The address does not answer as Adobe Commerce does.",
            advice="Check product and store address: the shop's own address without /rest, or for "
            "the Cloud Service the REST address with the tenant ID.",
            vendor_words=error.vendor_words,
            code="settings",
        )
    return error


def _failed(name: str, error: ConnectorError) -> Check:
    code = error.code or ("network" if isinstance(error, TryLater) else "")
    is_ours = isinstance(error, NeedsAttention)
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"{error.reason} {error.vendor_words}".strip(),
        advice=error.advice
        if is_ours
        else "Check the address; if it is right, the store or the network between us is down.",
        whose_move="you" if is_ours else "vendor",
        code=code,
    )
