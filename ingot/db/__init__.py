"""SQL. One function is one transaction; rows go in and out as plain dicts, JSON columns as text or parsed as each says."""
