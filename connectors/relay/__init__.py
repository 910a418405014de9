"""Relay agents, the connector's side: who they are, the jobs they are given, and how they fare.

A *relay site* is a customer's network; the agents that are installed there share its work. A
worker's call becomes a job in Redis (``jobs``, ``adapter``), an agent takes it by long polling
(``server``) and carries the answer back. What both say to each other is in ``agent.wire``.
"""
