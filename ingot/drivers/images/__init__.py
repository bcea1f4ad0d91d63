"""Disk images: fetched, checked, made raw, measured, and kept for as long as a machine needs them.

``Cache`` is the shared service; ``request(node)`` turns a node's instance_info into the arguments of ``Cache.fetch``;
``configdrive.build`` makes the ISO that tells an instance its name.
"""

from ingot.drivers.images.cache import Cache
from ingot.drivers.images.request import PROPERTIES, request

__all__ = ['PROPERTIES', 'Cache', 'request']
