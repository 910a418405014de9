"""``manage.py apply``: a company, its people, connections, routes and mappings from one file."""
