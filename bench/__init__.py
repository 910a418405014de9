"""Figures of the product on one machine; ``make bench`` prints them as tables."""
