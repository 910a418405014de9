"""The rooms of the console."""
