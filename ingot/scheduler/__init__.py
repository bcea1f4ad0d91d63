"""Scheduling: which nodes and devices a request gets, or why none. Pure: facts in, decisions out."""
