"""What connections tell the layers above them."""

from django.dispatch import Signal

# Sent with ``connection`` after a connection that did not work works again.
connection_recovered = Signal()
