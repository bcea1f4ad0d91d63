"""A whole site in one thread under virtual time: the same seed gives the same run. Import ``clock`` and start it first."""
