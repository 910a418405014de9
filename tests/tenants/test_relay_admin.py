"""What operators see of relay agents in their admin."""

from __future__ import annotations

from connectors.relay import services
from tenants.context import in_tenant
from tenants.models import AgentAddress
from tests.tenants.test_admin import operator

__all__ = ["operator"]


def test_operators_see_whose_an_agent_is_and_change_nothing_of_it(operator, tenant):
    with in_tenant("t_acme"):
        agent, token = services.invite(services.create_site("Head office"), "Server room 1")
    address = AgentAddress.objects.get()
    for page in ("", f"{address.pk}/change/"):
        answer = operator.get(f"/admin/tenants/agentaddress/{page}")
        assert answer.status_code == 200
        text = answer.content.decode()
        assert agent.key in text
        assert token.partition(".")[2] not in text
    assert operator.get("/admin/tenants/agentaddress/add/").status_code == 403
    gone = operator.post(f"/admin/tenants/agentaddress/{address.pk}/delete/", {"post": "yes"})
    assert gone.status_code == 403
    assert AgentAddress.objects.filter(pk=address.pk).exists()
