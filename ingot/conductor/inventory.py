"""Rows of what an inspection found: devices, disks, network cards, and what its firmware says of the machine; pure.

Machines, and whoever pretends to be one, may say anything: what is no value of its column is left out, what has no place
(an address, a name) is no row, and there are at most as many rows as a large machine has.
"""

import re

#: More functions than any board has: eight cards of 256 virtual functions each, twice.
MOST = 4096
_MOST_NUMBER = 2 ** 31 - 1
_ADDRESS = re.compile(r'(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[01][0-9a-f]\.[0-7])')
_MAC = re.compile(r'[0-9a-f]{2}(?::[0-9a-f]{2}){5}')


def _text(length):
    def clean(value):
        text = value.replace('\0', '').strip()[:length] if isinstance(value, str) else ''
        return text or None
    return clean


def _digits(length):
    """Hexadecimal text of ``length`` digits, without 0x."""
    def clean(value):
        text = value.strip().lower().removeprefix('0x') if isinstance(value, str) else ''
        return text.rjust(length, '0') if re.fullmatch(f'[0-9a-f]{{1,{length}}}', text) else None
    return clean


def _whole(value):
    return value if type(value) is int and 0 <= value <= _MOST_NUMBER else None


def _number(value):
    return float(value) if type(value) in (int, float) and 0 <= value <= _MOST_NUMBER else None


def _size(value):
    return value if type(value) is int and 0 <= value < 2 ** 63 else 0


def _truth(value):
    return value if isinstance(value, bool) else None


def _one_of(*words):
    return lambda value: value if isinstance(value, str) and value in words else None


def address(value):
    """A PCI address with its domain, in lower case ('0000:3b:00.0'), or None."""
    found = _ADDRESS.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    return found and f'{found[1] or "0000"}:{found[2]}'


def _mac(value):
    text = value.strip().lower() if isinstance(value, str) else ''
    return text if _MAC.fullmatch(text) else None


#: Column -> (names that inspectors have for it, how a value becomes one of the column).
_DEVICE = {
    'address': (('address', 'bus'), address), 'vendor_id': (('vendor_id',), _digits(4)),
    'product_id': (('product_id',), _digits(4)), 'subsystem_vendor_id': (('subsystem_vendor_id',), _digits(4)),
    'subsystem_id': (('subsystem_id',), _digits(4)), 'class_id': (('class', 'class_id'), _digits(6)),
    'revision': (('revision',), _digits(2)), 'driver': (('driver',), _text(64)), 'serial': (('serial',), _text(255)),
    'function': (('function',), _one_of('pf', 'vf')), 'parent': (('parent',), address), 'numa_node': (('numa_node',), _whole),
    'max_vfs': (('max_vfs',), _whole), 'link_speed': (('link_speed',), _number), 'link_width': (('link_width',), _whole),
    'max_link_speed': (('max_link_speed',), _number), 'max_link_width': (('max_link_width',), _whole)}
_DISK = {**{name: ((name,), _text(255)) for name in ('name', 'serial', 'wwn', 'model', 'vendor', 'by_path')},
         'size': (('size',), _size), 'rotational': (('rotational',), _truth), 'role': (('role',), _one_of('root'))}
_NIC = {'name': (('name',), _text(255)), 'address': (('mac_address',), _mac), 'pci_address': (('pci_address',), address),
        'driver': (('driver',), _text(64)), 'has_carrier': (('has_carrier',), _truth), 'speed': (('speed_mbps',), _whole)}


def devices(found, plugin_data):
    """Rows of PCI devices, from the inventory, or from the plugin data that ironic-python-agent sends beside it."""
    return _rows(found.get('pci_devices') or plugin_data.get('pci_devices'), _DEVICE, 'address', is_partial=True)


def disks(found, plugin_data):
    """Rows of disks; ironic-python-agent names the root disk in ``root_disk``."""
    rows, root = _rows(found.get('disks'), _DISK, 'name'), plugin_data.get('root_disk')
    name = root.get('name') if isinstance(root, dict) else None
    return [one | {'role': 'root'} if one['name'] == name else one for one in rows]


def nics(found, heard):
    """Rows of network cards; ``heard``: see ``neighbours``."""
    return [one | {'lldp': heard.get(one['name'], {})} for one in _rows(found.get('interfaces'), _NIC, 'name')]


def neighbours(plugin_data):
    """What was heard at network cards, {name: parsed LLDP}, as the hook "parse-lldp" leaves it."""
    heard = plugin_data.get('parsed_lldp')
    return {name: one for name, one in heard.items() if isinstance(one, dict)} if isinstance(heard, dict) else {}


def machine(found):
    """Columns of the node: who made the machine, and what is printed on it."""
    vendor = found.get('system_vendor')
    vendor = vendor if isinstance(vendor, dict) else {}
    names = {'system_vendor': 'manufacturer', 'system_product': 'product_name', 'system_serial': 'serial_number'}
    return {column: _text(255)(vendor.get(name)) for column, name in names.items()}


def _rows(things, columns, key, *, is_partial=False):
    """The last thing of each ``key``; ``is_partial``: columns that a thing has no name of are left out."""
    rows = {}
    for thing in things if isinstance(things, list) else ():
        if isinstance(thing, dict) and len(rows) < MOST:
            one = {column: _clean(thing, names, clean) for column, (names, clean) in columns.items()
                   if not is_partial or any(name in thing for name in names)}
            if one.get(key):
                rows[one[key]] = one
    return list(rows.values())


def _clean(thing, names, clean):
    return next((value for value in (clean(thing[name]) for name in names if name in thing) if value is not None), clean(None))
