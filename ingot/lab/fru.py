"""The inventory (FRU 0) of a virtual machine: who made it and its serial number.

Source: IPMI Platform Management FRU Information Storage Definition 1.0 rev 1.3, sections 8 and 12.
"""

from ingot.lab import rmcp

MANUFACTURER, PRODUCT, VERSION = 'Ingot', 'Virtual machine', '1'
_ENGLISH = 25


def build_inventory(serial):
    """The bytes of FRU 0: common header and product information area."""
    fields = (MANUFACTURER, PRODUCT, '', VERSION, serial, '', '')
    body = b''.join(bytes((0xC0 | len(text),)) + text.encode() for text in fields) + b'\xc1'
    size = (3 + len(body) + 1 + 7) // 8
    area = (bytes((1, size, _ENGLISH)) + body).ljust(8 * size - 1, b'\0')
    header = bytes((1, 0, 0, 0, 1, 0, 0))
    return header + bytes((rmcp.checksum(header),)) + area + bytes((rmcp.checksum(area),))
