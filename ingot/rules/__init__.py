"""Inspection rules: what an operator wants to be done with what inspection found. Pure: facts in, effects out."""
