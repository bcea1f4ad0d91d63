"""What a driver is: small interfaces, found by one entry-point namespace (``ingot.drivers``).

An entry point names a function ``(context: Context) -> Hardware``. It is called once a process. Interfaces take a plain
node (dict with the columns of ``nodes``, JSON already parsed), return plain values and raise ``errors.*``. Every method
may be called again with the same result, from many threads at once, and by another conductor after a crash. What an
interface keeps in memory is a cache: it must be able to find again, or do without, whatever it kept.
"""

import dataclasses
import os
from typing import Any, NamedTuple, Protocol

from ingot import errors


@dataclasses.dataclass(frozen=True)
class Context:
    """What a driver is given at start: the options, and the services that drivers share.

    ``service(cls)`` gives the one ``cls(conf)`` of this process, made at the first call. Services with ``start()`` and
    ``stop()`` (tgtd, dnsmasq, the boot file server) are started once all drivers are built, and stopped in reverse.
    """

    conf: Any
    services: dict = dataclasses.field(default_factory=dict)

    def service(self, cls):
        if cls not in self.services:
            self.services[cls] = cls(self.conf)
        return self.services[cls]


class BootDevice(NamedTuple):
    device: str | None        # pxe disk cdrom bios safe; None: the BMC does not say
    is_persistent: bool | None


class BootFiles(NamedTuple):
    """What a machine is to netboot: paths or URLs of kernel and ramdisk, and words for the kernel line."""

    kernel: str
    ramdisk: str
    parameters: dict          # 'ingot.token' -> '...'; a value None gives a bare word


def boot_files(node, conf, parameters):
    """The kernel and ramdisk that ``node`` netboots (its own, the configured ones, or those that were built here)."""
    info, folder = node.get('driver_info') or {}, os.path.join(os.path.abspath(conf.state_dir), 'ramdisk')
    return BootFiles(info.get('deploy_kernel') or conf.boot.kernel or os.path.join(folder, 'kernel'),
                     info.get('deploy_ramdisk') or conf.boot.ramdisk or os.path.join(folder, 'initrd'), parameters)


class Manifest(NamedTuple):
    """What lies in a raw image: which parts hold data, and the SHA-256 of each chunk (gaps count as zeros).

    ``extents`` are (offset, length) in bytes, ascending, not touching, aligned to 4096 (the last may end at ``size``).
    ``chunks`` are hex digests of ``chunk_size`` bytes each, the last one shorter when the size is not a multiple.
    """

    size: int
    chunk_size: int
    extents: list
    chunks: list

    @property
    def data_bytes(self):
        return sum(length for _, length in self.extents)


class Image(NamedTuple):
    """A raw image in the cache, held for one user until it is released."""

    path: str
    checksum: str             # 'sha256:...' of the raw bytes: its name in the cache
    manifest: Manifest


class Export(NamedTuple):
    """A read-only iSCSI LUN that exists for one operation. ``secret`` is the CHAP secret."""

    host: str
    port: int
    iqn: str
    lun: int
    user: str
    secret: str


class Power(Protocol):
    """``begin_state`` need not be there: as ``state``, for drivers that reach thousands of machines without a thread for each.

    It returns at once; ``answered(state)`` or ``answered(None, error)`` is called once, from any thread, within a minute.
    """

    def properties(self) -> dict: ...             # {driver_info key: one sentence}
    def validate(self, node) -> None: ...         # InvalidParameter names the key; does not touch the network
    def state(self, node) -> str: ...             # 'power on' | 'power off'
    def begin_state(self, node, answered) -> None: ...   # raises as ``state`` does, or tells
    def set(self, node, target, timeout) -> None: ...  # returns when reached (states.POWER_*); DeadlineExceeded after timeout s
    def supported(self, node) -> list: ...        # the targets it understands


class Management(Protocol):
    def properties(self) -> dict: ...
    def validate(self, node) -> None: ...
    def boot_devices(self, node) -> list: ...
    def boot_device(self, node) -> BootDevice: ...
    def set_boot_device(self, node, device, *, is_persistent=False) -> None: ...
    def bmc_info(self, node) -> dict: ...         # {'manufacturer', 'product', 'firmware_version', 'guid', ...}, what is known
    def sensors(self, node) -> dict: ...          # {'Temperature': {'CPU1 Temp': {'value', 'units', 'health'}}, ...}


    # What not every BMC can do: an implementation without these methods says so by not having them.
    def inject_nmi(self, node) -> None: ...
    def indicators(self, node) -> list: ...       # [{'component', 'name', 'readonly', 'states'}]
    def indicator(self, node, component, name) -> str: ...          # on off blinking unknown
    def set_indicator(self, node, component, name, state) -> None: ...
    def boot_modes(self, node) -> list: ...       # of 'bios', 'uefi'
    def set_boot_mode(self, node, mode) -> None: ...                # from the next boot on
    def set_secure_boot(self, node, is_on) -> None: ...
    def media(self, node) -> list: ...            # [{'device_type', 'image_url'}] of what is inserted
    def attach_media(self, node, device_type, image_url, image_download_source=None) -> None: ...
    def detach_media(self, node, device_types=None) -> None: ...    # None: all of them


class Console(Protocol):
    def start(self, node) -> None: ...
    def stop(self, node) -> None: ...
    def console(self, node) -> dict: ...          # {'type', 'url'}


class Stepping(Protocol):
    """What an interface of any kind may have beside its own methods: steps of cleaning, deployment or servicing.

    ``steps``: [{'interface', 'step', 'priority' (0: only when asked for), 'abortable', 'args': {name: {'description',
    'required'}}}] of 'clean' | 'deploy' | 'service' | 'verify' work. ``run_step`` carries one out and returns values to store
    in the node's row, or None; it may be called again for the same step.
    """

    def steps(self, kind) -> list: ...
    def run_step(self, node, step, args) -> dict | None: ...


class Vendor(Protocol):
    """``methods``: {name: {'http_methods', 'async', 'attach' (the answer is text, sent as a file), 'require_exclusive_lock',
    'description'}}. Those with ``driver_`` need no node. A class without these methods has no vendor methods."""

    def methods(self, node) -> dict: ...
    def check(self, node, method, arguments) -> None: ...           # InvalidParameter; touches nothing
    def call(self, node, method, http_method, arguments): ...       # a JSON value
    def driver_methods(self) -> dict: ...
    def driver_call(self, method, http_method, arguments): ...


class Bios(Protocol):
    def settings(self, node) -> list: ...         # rows of bios_settings, without node and times


class Firmware(Protocol):
    def components(self, node) -> list: ...       # rows of firmware_components, without node and times


class Raid(Protocol):
    def check(self, node, config) -> None: ...    # InvalidParameter for a target_raid_config that cannot be; touches nothing


class Rescue(Protocol):
    def rescue(self, node, password_hash) -> None: ...   # reboot into a system that takes the password
    def clean_up(self, node) -> None: ...                # nothing of that system is left; the machine may still run it


class Network(Protocol):
    def vifs(self, node) -> list: ...             # ids of what is attached
    def attach_vif(self, node, vif) -> None: ...
    def detach_vif(self, node, vif) -> None: ...


class Boot(Protocol):
    """``needs_ports = False`` on an implementation: it boots machines whose MACs nobody knows, and gets none of them."""

    def properties(self) -> dict: ...
    def validate(self, node) -> None: ...
    def publish(self, node, macs, files: BootFiles) -> None: ...   # the next netboot of any of ``macs`` gets ``files``
    def withdraw(self, node, macs) -> None: ...                    # none of it left; fine when there was nothing
    def published(self) -> list: ...                               # MACs with a record now (orphan search)


class Deploy(Protocol):
    """Puts an image within reach of the machine, and says how the machine is to be told.

    ``machine_report`` lets a driver without an agent do the agent's work: it carries out ``plan`` (ramdisk/PROTOCOL)
    and returns the report, or None when a real machine will call home by itself.
    """

    def properties(self) -> dict: ...
    def validate(self, node) -> None: ...         # instance_info: image_source and what belongs to it
    def fetch(self, node, operation) -> Image | None: ...      # into the cache, held for ``operation`` (uuid)
    def release(self, node, operation) -> None: ...
    def export(self, node, operation, image) -> Export | None: ...
    def withdraw(self, node, operation) -> None: ...           # target, account and sessions gone
    def has_export(self, node, operation) -> bool: ...         # the host of this process has it
    def exported(self) -> list: ...                            # uuids of operations with an export now (orphan search)
    def machine_report(self, node, plan) -> dict | None: ...


class Inspect(Protocol):
    """``needs_agent``: True boots the ramdisk to look; False: ``inventory`` answers out of band."""

    needs_agent: bool

    def properties(self) -> dict: ...
    def validate(self, node) -> None: ...
    def inventory(self, node) -> dict: ...


#: Interface types whose implementations a node can choose (``<type>_interface``), in the order answers show them.
INTERFACES = ('bios', 'boot', 'console', 'deploy', 'firmware', 'inspect', 'management', 'network', 'power', 'raid',
              'rescue', 'storage', 'vendor')


@dataclasses.dataclass(frozen=True)
class Hardware:
    """A hardware type: for each interface type its implementations by name, the default first."""

    name: str
    interfaces: dict          # {'power': {'ipmitool': <Power>}, 'boot': {'ipxe': <Boot>}, ...}

    def default(self, kind):
        """Name of the default implementation of ``kind``, or None where the type has none."""
        return next(iter(self.interfaces.get(kind, {})), None)

    def interface(self, node, kind):
        """The implementation of ``kind`` that ``node`` has chosen (or the default); InvalidParameter when there is none."""
        choices = self.interfaces.get(kind, {})
        name = node.get(f'{kind}_interface') or self.default(kind)
        if name not in choices:
            raise errors.InvalidParameter(
                f'Node {node["uuid"]}: driver {self.name} has no {kind}_interface "{name}"; '
                f'it has: {", ".join(choices) or "none"}.')
        return choices[name]
