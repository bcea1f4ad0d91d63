"""Boot device, identity and sensors of a machine over IPMI."""

import uuid

from ingot import errors
from ingot.drivers import base
from ingot.drivers.ipmi import address, sensors
from ingot.drivers.ipmi.owner import Owner

#: Boot device selector (IPMI 2.0 table 28-14, parameter 5, data 2).
_DEVICES = {'pxe': 0x04, 'disk': 0x08, 'safe': 0x0c, 'cdrom': 0x14, 'bios': 0x18}
_VALID, _PERSISTENT, _UEFI = 0x80, 0x40, 0x20      # the same table, data 1


class IpmiManagement:
    def __init__(self, context):
        self._owner = context.service(Owner)

    def properties(self):
        return address.PROPERTIES

    def validate(self, node):
        address.read(node)

    def boot_devices(self, node):
        return list(_DEVICES)

    def boot_device(self, node):
        """What the BMC will boot next; device None when it says nothing valid (IPMI 2.0 section 28.13)."""
        _, parameter, flags, device = self._owner.ask(address.read(node), 0, 9, [5, 0, 0])[:4]
        names = {code: name for name, code in _DEVICES.items()}
        if parameter & 0x80 or not flags & _VALID or device & 0x3c not in names:
            return base.BootDevice(None, None)
        return base.BootDevice(names[device & 0x3c], bool(flags & _PERSISTENT))

    def set_boot_device(self, node, device, *, is_persistent=False):
        """Set the boot flags (IPMI 2.0 section 28.12), with the UEFI bit for machines whose boot mode is uefi."""
        if device not in _DEVICES:
            raise errors.InvalidParameter(f'Node {node["uuid"]}: no boot device "{device}"; '
                                          f'possible: {", ".join(_DEVICES)}.')
        bmc = address.read(node)
        flags = _VALID | (_PERSISTENT if is_persistent else 0) | (_UEFI if _is_uefi(node) else 0)
        # Else the BMC forgets the flags after 60 s without a power-on. Not all know this parameter: no harm then.
        self._owner.exchange(bmc, 0, 8, [3, 0x08])
        self._owner.ask(bmc, 0, 8, [5, flags, _DEVICES[device], 0, 0, 0])

    def bmc_info(self, node):
        """Device id (IPMI 2.0 section 20.1) and system GUID (22.14), what is known of it."""
        bmc = address.read(node)
        data = self._owner.ask(bmc, 6, 1)
        info = {'manufacturer_id': int.from_bytes(data[6:9], 'little') & 0xfffff,
                'product_id': int.from_bytes(data[9:11], 'little'), 'device_id': data[0],
                'firmware_version': f'{data[2] & 0x7f}.{data[3]:02x}',
                'ipmi_version': f'{data[4] & 0xf}.{data[4] >> 4}'}
        info['manufacturer'], info['product'] = str(info['manufacturer_id']), str(info['product_id'])
        guid = self._owner.exchange(bmc, 6, 0x37)
        if not guid['code'] and len(guid['data']) == 16:
            info['guid'] = str(uuid.UUID(bytes_le=bytes(guid['data'])))
        return info

    def sensors(self, node):
        return sensors.read(self._owner, address.read(node))


def _is_uefi(node):
    """By the node's boot mode, or properties/capabilities ('boot_mode:uefi,...' or an object)."""
    capabilities = (node.get('properties') or {}).get('capabilities') or {}
    if isinstance(capabilities, str):
        capabilities = dict(pair.split(':', 1) for pair in capabilities.split(',') if ':' in pair)
    return (node.get('boot_mode') or capabilities.get('boot_mode')) == 'uefi'
