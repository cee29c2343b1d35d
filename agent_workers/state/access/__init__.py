"""Who may use the database and the API: keys, quotas, roles and their grants. What a key may do is decided in `api/`."""
