"""The ASGI application for relay agents, served in a process of its own beside the web server:
``granian --interface asgi config.relay:application``. A proxy sends ``/agent/`` of any host here."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from config.pooling import refuse_shared_backends  # noqa: E402  needs Django's settings
from connectors.relay.server import Server  # noqa: E402

refuse_shared_backends()
application = Server().application()
