"""Routes, what enters (inbox events), what moves (transfers) and what it became (documents)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from connectors.models import Connection
from tenants.encryption import EncryptedJSONField


class Flow(models.TextChoices):
    ORDERS = "orders", "Orders"
    INVOICES = "invoices", "Store invoices"
    REFUNDS = "refunds", "Refunds"
    PAYMENTS = "payments", "Payments"
    CORRECTIONS = "corrections", "Corrections"
    CUSTOMERS = "customers", "Customers"
    ITEMS = "items", "Items"
    PRICES = "prices", "Prices"
    STOCK = "stock", "Stock"


class State(models.TextChoices):
    WAITING = "waiting", "Waiting"
    WORKING = "working", "Working"
    POSTED = "posted", "Posted"
    HELD = "held", "Held"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    CHANGED = "changed", "Changed after posting"


class Hold(models.TextChoices):
    """Why a transfer may not go on yet."""

    PERIOD_CLOSED = "period_closed", "Period closed"
    ITEM_UNKNOWN = "item_unknown", "Item unknown"
    ITEM_BLOCKED = "item_blocked", "Item blocked"
    CUSTOMER_AMBIGUOUS = "customer_ambiguous", "Several customers match"
    CUSTOMER_BLOCKED = "customer_blocked", "Customer blocked"
    LOOKUP_MISSING = "lookup_missing", "Lookup missing"
    TOTALS_DISAGREE = "totals_disagree", "Totals disagree"
    NOT_PAID = "not_paid", "Not yet paid"
    WAITS_FOR_INVOICE = "waits_for_invoice", "Waits for its invoice"
    OVER_REFUNDED = "over_refunded", "More refunded than sold"
    DUPLICATE_REFERENCE = "duplicate_reference", "Reference already used"
    CONNECTION_PAUSED = "connection_paused", "Connection needs attention"
    MAPPING = "mapping", "Mapping incomplete"
    PRICE_DROP = "price_drop", "Price falls too far"
    CUSTOMER_CONFLICT = "customer_conflict", "Both sides changed the customer"
    SKU_SHARED = "sku_shared", "Several products share the SKU"


class Route(models.Model):
    """One store connection joined with one ERP connection, and how records move between them.

    ``settings`` holds the values described in ``sync.route_settings``; ``prefix`` begins every
    reference that we write into the ERP and is unique among the routes into one ERP connection,
    so that two stores can feed one company.
    """

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    store = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="routes_from")
    erp = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="routes_into")
    prefix = models.CharField(max_length=10)
    is_active = models.BooleanField(default=True)
    settings = models.JSONField(default=dict, blank=True)
    start_at = models.DateTimeField(
        default=timezone.now, help_text="Orders placed before this instant are left alone."
    )
    completeness = models.JSONField(
        default=dict, blank=True, help_text="What the last count of orders in the store found."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["erp", "prefix"], name="route_prefix_per_erp"),
            models.UniqueConstraint(fields=["store", "erp"], name="route_per_pair"),
        ]

    def __str__(self) -> str:
        return self.name


class FieldMapping(models.Model):
    """One row of a route's mapping: how one target field of the ERP is filled.

    Absent rows mean the built-in mapping, which the ERP adapter declares
    (``Erp.target_fields``). ``expression`` is the constant, or a JMESPath expression over the
    canonical record; a lookup takes the expression's value through ``lookup``.
    """

    class Source(models.TextChoices):
        CONSTANT = "constant", "Constant"
        PATH = "path", "Path"
        LOOKUP = "lookup", "Lookup"

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="mappings")
    target = models.CharField(max_length=20)
    field = models.CharField(max_length=60)
    source = models.CharField(max_length=10, choices=Source)
    expression = models.CharField(max_length=500, blank=True)
    lookup = models.CharField(max_length=60, blank=True)
    default = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ["target", "field"]
        constraints = [
            models.UniqueConstraint(
                fields=["route", "target", "field"], name="one_mapping_per_field"
            )
        ]

    def __str__(self) -> str:
        return f"{self.target}.{self.field}"


class LookupRow(models.Model):
    """One row of a route's lookup table: a store's word and the ERP's word for it.

    Keys are compared without case. The tables that the built-in mapping uses are declared in
    ``sync.lookups``; a person may add others and name them in a field mapping.
    """

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="lookup_rows")
    table = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    value = models.CharField(max_length=200)
    note = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ["table", "key"]
        constraints = [
            models.UniqueConstraint(fields=["route", "table", "key"], name="one_lookup_row_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.table}: {self.key} = {self.value}"


class InboxEvent(models.Model):
    """A stored notice that a store record changed: the durable door through which all enters."""

    class Source(models.TextChoices):
        WEBHOOK = "webhook", "Webhook"
        POLL = "poll", "Poll"
        BACKFILL = "backfill", "Backfill"
        PERSON = "person", "Person"

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="events")
    delivery_id = models.CharField(max_length=200)
    source = models.CharField(max_length=10, choices=Source)
    record = models.CharField(max_length=20)
    external_id = models.CharField(max_length=64)
    event = models.CharField(max_length=80, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "delivery_id"], name="one_event_per_delivery"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(processed_at__isnull=True), name="inbox_unprocessed"
            )
        ]


class Transfer(models.Model):
    """One source record on its way through one flow of one route.

    ``job_id`` is ``{route slug}:{flow}:{source key}``, unique for ever. At most one transfer of a
    ``sequence_key`` is being worked at a time: the database keeps that rule. A worker's claim is
    ``lease_token`` until ``lease_until``; every write to a system renews it, and a worker that
    lost it stops before it sends anything.
    """

    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="transfers")
    flow = models.CharField(max_length=20, choices=Flow)
    source_key = models.CharField(max_length=64)
    order_key = models.CharField(
        max_length=64,
        default="",
        db_index=True,
        help_text="The store's order that this is a part of.",
    )
    job_id = models.CharField(max_length=130, unique=True)
    sequence_key = models.CharField(max_length=130)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    priority = models.SmallIntegerField(default=50)

    hold = models.CharField(max_length=30, choices=Hold, blank=True)
    hold_keys = ArrayField(models.CharField(max_length=260), default=list, blank=True)
    reason = models.TextField(blank=True, help_text="Why it is where it is, for finance people.")
    advice = models.TextField(blank=True)
    vendor_words = models.TextField(blank=True)
    comparison = models.JSONField(
        null=True, blank=True, help_text="Both sides of a disagreement, line by line."
    )

    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    again = models.BooleanField(default=False, help_text="Touched while it was being worked.")
    approved_totals = models.JSONField(
        null=True, blank=True, help_text="The difference that a person accepted, and who."
    )
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    number = models.CharField(max_length=64, blank=True, help_text="The store's order number.")
    party = models.CharField(max_length=200, blank=True)
    party_email = models.CharField(max_length=254, blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    source_at = models.DateTimeField(null=True, blank=True, help_text="When the order was placed.")
    record = EncryptedJSONField(null=True, blank=True, help_text="The order as last fetched.")
    record_digest = models.CharField(max_length=64, blank=True)
    change = EncryptedJSONField(
        null=True,
        blank=True,
        help_text="The order as the store has it now, where it is not what was booked.",
    )

    received_at = models.DateTimeField(default=timezone.now)
    posted_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    SKIPPED_BY_PERSON: ClassVar[str] = "skipped_by_person"  # in hold_keys: no notice revives it

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["sequence_key"],
                condition=Q(state=State.WORKING),
                name="one_worker_per_sequence",
            ),
            models.CheckConstraint(
                name="working_has_a_lease",
                condition=~Q(state=State.WORKING)
                | (Q(lease_token__isnull=False) & Q(lease_until__isnull=False)),
            ),
            models.CheckConstraint(
                name="held_has_a_reason",
                condition=~Q(state=State.HELD) | (~Q(hold="") & ~Q(reason="")),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="transfer_by_state"),
            models.Index(fields=["number"], name="transfer_by_number"),
            models.Index(fields=["posted_at"], name="transfer_by_posting"),
            models.Index(fields=["updated_at", "id"], name="transfer_by_change"),
            GinIndex(fields=["hold_keys"], name="transfer_by_hold_key"),
        ]

    def __str__(self) -> str:
        return self.job_id

    @property
    def was_skipped_by_person(self) -> bool:
        return self.state == State.SKIPPED and self.SKIPPED_BY_PERSON in self.hold_keys


class Document(models.Model):
    """One ERP record that a transfer intends or made. Committed before anything is sent.

    ``reference`` is unique per ERP connection and kind, so no two transfers can mean the same
    document. ``sent_at`` is set, and committed, just before a create is sent: a row that is
    ``sent`` and not ``created`` is an unknown outcome, and nothing is sent again until we looked.
    """

    class Status(models.TextChoices):
        INTENDED = "intended", "Intended"
        SENT = "sent", "Sent, no answer yet"
        CREATED = "created", "Created, not posted"
        POSTING = "posting", "Posting sent, no answer yet"
        POSTED = "posted", "Posted"
        ACCEPTED = "accepted", "Waits in the ERP"
        DISCARDED = "discarded", "Draft withdrawn"

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="documents")
    erp = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=20)
    reference = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status, default=Status.INTENDED)
    external_id = models.CharField(max_length=64, blank=True)
    number = models.CharField(max_length=40, blank=True)
    invoice_number = models.CharField(
        max_length=40, blank=True, help_text="Given by the ERP when it posted what it had accepted."
    )
    currency = models.CharField(max_length=3, blank=True)
    total_inc_tax = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    total_tax = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    posting_date = models.DateField(null=True, blank=True)
    url = models.URLField(max_length=500, blank=True)
    draft = EncryptedJSONField(null=True, blank=True, help_text="What we meant to book.")
    booked = EncryptedJSONField(null=True, blank=True, help_text="What the ERP says it holds.")
    sends = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    posted_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["erp", "kind", "reference"], name="one_document_per_reference"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number or self.reference}"


class Crosswalk(models.Model):
    """A matched identity: this store customer is that ERP customer, this SKU is that item.

    ``origin`` says how it came about; ``attributes`` holds what we learnt about it (whether this
    customer's prices include tax, an item's unit of measure).
    """

    class Kind(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        ITEM = "item", "Item"

    class Origin(models.TextChoices):
        MATCHED = "matched", "Found in the ERP"
        CREATED = "created", "Created by us"
        PERSON = "person", "Set by a person"

    store = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    erp = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="crosswalk")
    kind = models.CharField(max_length=10, choices=Kind)
    store_key = models.CharField(max_length=254)
    erp_record_id = models.CharField(max_length=64)
    erp_number = models.CharField(max_length=40)
    erp_name = models.CharField(max_length=200, blank=True)
    origin = models.CharField(max_length=10, choices=Origin)
    attributes = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["kind", "store_key"]
        constraints = [
            models.UniqueConstraint(
                fields=["store", "erp", "kind", "store_key"], name="one_identity_per_store_key"
            )
        ]


class Claim(models.Model):
    """A short, named exclusive right, held while we talk to a system without a transaction.

    Two orders of one new shopper must not both create the customer: the first holds the claim
    ``customer:<e-mail>`` on the ERP connection and the second waits its turn.
    """

    erp = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=300)
    token = models.UUIDField(default=uuid.uuid4)
    until = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["erp", "key"], name="one_claim_per_key")]


class NumberGiven(models.Model):
    """A number that we gave to a new ERP record, in ERPs that leave numbering to us.

    The same ``key`` always gets the same number, so that a create whose outcome is unknown is
    looked for, and sent again, under the number of the first try.
    """

    erp = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    series = models.CharField(max_length=20)
    key = models.CharField(max_length=254)
    number = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["erp", "series", "key"], name="one_number_per_key"),
            models.UniqueConstraint(fields=["erp", "series", "number"], name="one_key_per_number"),
        ]


class Cursor(models.Model):
    """How far a poll of one flow of one route has been stored. Moves only with the stored page."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="cursors")
    flow = models.CharField(max_length=20, choices=Flow)
    position = models.DateTimeField()
    checked_at = models.DateTimeField(null=True, blank=True)
    rows_seen = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["route", "flow"], name="one_cursor_a_flow")]


class FlowSchedule(models.Model):
    """When master data of one flow of a route moves, and how far the reading has come.

    ``resume`` is where a reading that is under way goes on, whichever process takes it up;
    ``marker`` is what the next reading begins with. Either every ``every_minutes``, or at
    ``at_times`` (HH:MM in the tenant's time zone).
    """

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="schedules")
    flow = models.CharField(max_length=20, choices=Flow)
    every_minutes = models.PositiveIntegerField(default=30)
    at_times = ArrayField(models.CharField(max_length=5), default=list, blank=True)
    is_paused = models.BooleanField(default=False)
    resume = models.TextField(blank=True)
    marker = models.TextField(blank=True)
    is_running = models.BooleanField(default=False)
    is_full = models.BooleanField(default=False, help_text="The reading under way is of all rows.")
    full_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    rows_seen = models.PositiveBigIntegerField(default=0)
    rows_written = models.PositiveBigIntegerField(default=0)
    rows_refused = models.PositiveBigIntegerField(default=0)
    words = models.TextField(blank=True, help_text="How the last reading ended, for people.")
    report = models.JSONField(
        default=dict, blank=True, help_text="What is on one side only, after a whole reading."
    )

    class Meta:
        ordering = ["route", "flow"]
        constraints = [
            models.UniqueConstraint(fields=["route", "flow"], name="one_schedule_a_flow")
        ]

    def __str__(self) -> str:
        return f"{self.route}: {self.get_flow_display()}"


class SentValue(models.Model):
    """What was last written to the store for one key of one flow, so that only differences are
    written again. ``is_matched`` is False for what the store does not have."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="+")
    flow = models.CharField(max_length=20, choices=Flow)
    key = models.CharField(max_length=100)
    digest = models.CharField(max_length=64)
    value = models.CharField(max_length=100, blank=True, help_text="For people: 24.99, or 17.")
    is_matched = models.BooleanField(default=True)
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["route", "flow", "key"], name="one_value_sent_per_key")
        ]


class SoldLine(models.Model):
    """Goods that were booked from the store, for ERPs whose stock does not fall when a sale is
    booked: what is not yet relieved there is taken off before stock is shown in the store."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="+")
    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="+")
    number = models.CharField(max_length=100)
    quantity = models.DecimalField(max_digits=18, decimal_places=5)
    sold_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["route", "number", "sold_at"], name="sold_by_number")]


class PartyPair(models.Model):
    """A customer that both sides have, and what they last agreed on: a change is told apart from
    our own writing coming back."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="+")
    erp_record_id = models.CharField(max_length=64)
    erp_number = models.CharField(max_length=40)
    store_record_id = models.CharField(max_length=64)
    facts = EncryptedJSONField(help_text="What both sides agreed on, by field.")
    agreed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["route", "erp_record_id"], name="one_pair_per_erp_id"),
            models.UniqueConstraint(
                fields=["route", "store_record_id"], name="one_pair_per_store_id"
            ),
        ]
