"""Ingot turns racks of bare machines into something one API call can deploy."""

__version__ = '0.1.0'
