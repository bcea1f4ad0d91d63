"""Conductors drive the machines: a verb becomes an operation, a flow of steps carries it out, any conductor resumes it."""
