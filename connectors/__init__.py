"""How to speak to each system: stores, ERPs, and the kit that they share."""
