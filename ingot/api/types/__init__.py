"""WSME types: what each resource, query and body may hold. They validate, and they document."""
