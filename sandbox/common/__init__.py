"""What every simulator has: two listeners, a clock, faults, a journal, a control panel."""
