"""Fleets: thousands of simulated machines in one process, each behind a real BMC, to find the limits of what drives them."""
