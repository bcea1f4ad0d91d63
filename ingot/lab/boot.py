"""Which device a machine boots from next: what IPMI's boot flags ask for, and who spends them.

Source: IPMI 2.0 rev 1.1, 28.12-28.13, table 28-14 (boot option parameters).
"""

DEVICES = {0: None, 1: 'pxe', 2: 'disk', 3: 'safe', 4: 'diagnostic', 5: 'cdrom', 6: 'bios', 15: 'floppy'}
_NUMBERS = {name: number for number, name in DEVICES.items()}
VALID, PERSISTENT, UEFI = 0x80, 0x40, 0x20


class BootFlags:
    """The override of one machine; without one, ``device`` is None and the firmware's own order counts.

    The 60 s after which a BMC may forget an override (parameter 3) are not kept: flags wait for the next start.
    """

    __slots__ = ('device', 'is_persistent', 'is_uefi')

    def __init__(self):
        self.clear()

    def clear(self):
        self.set(None)

    def set(self, device, *, is_persistent=False, is_uefi=False):
        self.device, self.is_persistent, self.is_uefi = device, is_persistent, is_uefi

    def take(self):
        """The device for the start that happens now (None: default order); a one-shot override is spent by it."""
        device = self.device
        if not self.is_persistent:
            self.clear()
        return device

    def encode(self):
        """The five data bytes of parameter 5."""
        if self.device is None and not self.is_persistent:
            return bytes(5)
        flags = VALID | PERSISTENT * self.is_persistent | UEFI * self.is_uefi
        return bytes((flags, _NUMBERS[self.device] << 2, 0, 0, 0))

    def decode(self, data):
        """Take over parameter 5 as a console sent it (at least two bytes); a device that does not exist is ignored."""
        if not data[0] & VALID:
            self.clear()
            return
        self.set(DEVICES.get(data[1] >> 2 & 0x0F), is_persistent=bool(data[0] & PERSISTENT), is_uefi=bool(data[0] & UEFI))
