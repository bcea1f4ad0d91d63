"""The command line: from argv to objects. The only place that reads argv."""
