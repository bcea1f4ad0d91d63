"""What clients ask of a machine itself: boot mode, console, indicators, virtual media, VIFs."""

from wsme import types

from ingot.api.types import document, scalar


class Target(types.Base):
    """states/boot_mode"""

    target = types.wsattr(scalar.Choice('uefi', 'bios', is_nullable=False), mandatory=True)


class Flag(types.Base):
    """states/secure_boot"""

    target = types.wsattr(scalar.Bool(is_nullable=False), mandatory=True)


class Enabled(types.Base):
    """states/console"""

    enabled = types.wsattr(scalar.Bool(is_nullable=False), mandatory=True)


class Indicator(types.Base):
    state = types.wsattr(scalar.Choice('on', 'off', 'blinking', is_nullable=False), mandatory=True)


class Media(types.Base):
    device_type = types.wsattr(scalar.Choice('disk', 'cdrom', 'floppy', is_nullable=False), mandatory=True)
    image_url = types.wsattr(scalar.Text(4096, pattern=r'(?:https?|nfs|cifs)://.+', is_nullable=False), mandatory=True)
    image_download_source = types.wsattr(scalar.Choice('http', 'local', 'swift'))


class MediaQuery(types.Base):
    device_types = types.wsattr(scalar.Words())


class NoBody(types.Base):
    """A body that may be there, and is empty."""


class Vif(document.Open):
    """Networks know what else to make of a VIF."""

    id = types.wsattr(scalar.Text(pattern=r'[A-Za-z0-9._~-]+', is_nullable=False), mandatory=True)
    port_uuid = types.wsattr(scalar.Uuid())
    portgroup_uuid = types.wsattr(scalar.Uuid())
