"""Write the config drive into a partition of its own, at the end of the disk that the image was written to."""

import binascii
import zlib

from .. import partition
from ..block import MIB, Device
from ..errors import AgentError

NAME = 'write configdrive'
_LONGEST = 64 * MIB           # as in Ironic


def run(action, job):
    """``iso``: base64 of a gzipped ISO 9660, whose own label (config-2) is what cloud-init looks for."""
    disk = job.data.get('root_disk')
    if not disk:
        raise AgentError('plan-refused', 'The plan writes a config drive, but no image before it.', '')
    iso = unpack(action['iso'])
    try:
        device = Device(disk['name'], is_writable=True)
        place = put(device, iso)
        device.forget_partitions()
        device.close()
    except OSError as error:
        raise AgentError('disk-error', f'{disk["name"]} (serial {disk["serial"]}) failed while the config drive was '
                         f'written: {error}.', 'Replace the disk.') from error
    return {'configdrive': {'offset': place.start, 'size': len(iso)}}


def unpack(text):
    """The ISO's bytes."""
    try:
        inflate = zlib.decompressobj(31)        # 31: with a gzip header
        iso = inflate.decompress(binascii.a2b_base64(text), _LONGEST + 1)
    except (binascii.Error, zlib.error, TypeError, ValueError) as error:
        raise AgentError('plan-refused', f'The config drive is no base64 of a gzipped ISO: {error}.',
                         'Give the config drive as base64 of a gzipped ISO 9660.') from error
    if len(iso) > _LONGEST:
        raise AgentError('configdrive-too-big', f'The config drive has more than {_LONGEST // MIB} MiB.',
                         'Give the machine less user data; let it fetch the rest.')
    if not inflate.eof:
        raise AgentError('plan-refused', 'The gzip of the config drive ends too early.', 'Send it again, whole.')
    return iso


def put(device, iso):
    """Make the partition, write the ISO into it, and read it back."""
    place = partition.add(device, len(iso), 'config-2')
    device.zero(place.start, place.size)
    device.write(place.start, iso)
    device.flush()
    if device.read(place.start, len(iso)) != iso:
        raise AgentError('checksum-mismatch', f'{device.path} gives back another config drive than was written at byte '
                         f'{place.start}.', 'Replace the disk.')
    return place
