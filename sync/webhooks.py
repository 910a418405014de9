"""The door for webhooks: verify, store, answer. A worker does the rest."""

from __future__ import annotations

import logging

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from connectors import deliveries
from connectors.contract import DeliveryRefused, HookAnswer
from connectors.models import Connection
from sync import inbox
from sync.models import InboxEvent
from tenants.acting import acting_as
from tenants.context import in_tenant
from tenants.models import HookAddress

log = logging.getLogger("ml_connector.webhooks")
MOST_BYTES = 1024 * 1024


@csrf_exempt
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest, key: str) -> HttpResponse:
    """Store one delivery and answer at once; nothing here waits for a system.

    202 stored, 200 seen before, or what the vendor must read. A delivery that fails verification
    is counted and dropped with 200 as well: stores count refusals against our whole host name, so
    that one connection with a wrong secret could silence every other tenant. The answer's body
    says what became of it. A vendor's question whether the address is ours is answered as its
    adapter says. 404 only for a key that never was.
    """
    address = HookAddress.objects.select_related("tenant").filter(key=key).first()
    if address is None:
        return JsonResponse({"status": "unknown address"}, status=404)
    if not address.is_enabled or not address.tenant.is_active:
        return JsonResponse({"status": "not listening"})
    try:
        body = request.body
    except RequestDataTooBig:
        body = None
    if body is None or len(body) > MOST_BYTES:
        return JsonResponse({"status": "refused", "why": "too large"})
    now = timezone.now()
    with in_tenant(address.tenant.schema_name), acting_as("hook"):
        connection = Connection.objects.filter(pk=address.connection_id, hook_key=key).first()
        if connection is None:
            return JsonResponse({"status": "not listening"})
        asked = deliveries.answer_handshake(
            connection,
            method=request.method or "",
            query=request.GET.dict(),
            headers=request.headers,
            body=body,
        )
        if asked is not None:
            return _as_response(asked)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        expected = deliveries.acknowledgement(connection)
        try:
            notices = deliveries.read_delivery(
                connection, body=body, headers=request.headers, now=now
            )
        except DeliveryRefused as refusal:
            log.warning("delivery to %s refused: %s", connection.slug, refusal.code)
            return (
                _as_response(expected)
                if expected
                else JsonResponse({"status": "refused", "why": refusal.code})
            )
        accepted = inbox.accept(
            connection=connection, notices=notices, source=InboxEvent.Source.WEBHOOK
        )
        deliveries.tally(connection, accepted=accepted.added, duplicate=accepted.duplicate, now=now)
    if expected is not None:
        return _as_response(expected)
    return JsonResponse(
        {"status": "stored" if accepted.added else "seen before"},
        status=202 if accepted.added else 200,
    )


def _as_response(answer: HookAnswer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
