"""A node's instance_info becomes the arguments of ``Cache.fetch``, or an error that names the key and what it takes.

A checksum is required with ``http://``, where nothing else vouches for the bytes. It may be left out with ``https://``
(the server's certificate vouches for the server) and with ``file://`` (the operator's own folders).
"""

import urllib.parse

from ingot import errors
from ingot.drivers.images import checksum as checksums
from ingot.drivers.images import format

PROPERTIES = {
    'image_source': 'Where the disk image is: file:///PATH in an allowed folder, or an http(s):// URL. Required.',
    'image_checksum': 'SHA-256 or SHA-512 (hex) of the image file, or the URL of a SHA256SUMS file. Required with http://.',
    'image_os_hash_algo': 'sha256 or sha512: the algorithm of image_os_hash_value.',
    'image_os_hash_value': 'The digest (hex) of the image file; goes before image_checksum.',
    'image_disk_format': 'raw or qcow2: what the image must turn out to be; it is found out in any case.',
    'image_type': 'whole-disk: the only type that is supported.',
}
_MD5 = 32
_REMEDY = 'Give image_os_hash_algo=sha256 and image_os_hash_value=DIGEST, or image_checksum=DIGEST; sha256sum prints it.'


def request(node):
    """{'source', 'checksum', 'algorithm', 'disk_format'} for ``Cache.fetch``; InvalidParameter names the key that is wrong.

    Looks at the values only: whether the image exists and the folder is allowed, ``Cache.check`` tells.
    """
    info = node.get('instance_info') or {}

    def refuse(key, reason, remedy=None):
        raise errors.InvalidParameter(f'Node {node.get("uuid")}: instance_info/{key} {reason}', remedy=remedy)

    source = _source(info, refuse)
    digest, algorithm = _digest(info, refuse)
    if not digest and source.startswith('http://'):
        refuse('image_checksum is missing: an image over plain http:// is taken only with a checksum.', _REMEDY)
    declared = info.get('image_disk_format')
    if declared and declared not in format.FORMATS:
        refuse('image_disk_format', f'is "{declared}"; accepted are {" and ".join(format.FORMATS)}.',
               'Convert the image: qemu-img convert -O qcow2 IMAGE NEW.')
    if info.get('image_type', 'whole-disk') not in ('whole-disk', 'whole-disk-image', None):
        refuse('image_type', f'is "{info["image_type"]}"; accepted is whole-disk.', 'Use an image of a whole disk.')
    return {'source': source, 'checksum': digest, 'algorithm': algorithm, 'disk_format': declared or None}


def _source(info, refuse):
    source = info.get('image_source')
    accepted = 'accepted are file:///PATH, http://HOST/PATH and https://HOST/PATH.'
    if not source:
        refuse('image_source', f'is missing; {accepted}', 'Set instance_info/image_source to the URL of a disk image.')
    if not isinstance(source, str) or any(ord(letter) <= 32 or ord(letter) == 127 for letter in source):
        refuse('image_source', f'is not a URL; {accepted}')
    try:
        parts = urllib.parse.urlsplit(source)
        _ = parts.port
    except ValueError as error:
        refuse('image_source', f'is not a URL ({error}); {accepted}')
    if parts.scheme not in ('file', 'http', 'https'):
        refuse('image_source', f'begins with "{parts.scheme}:"; {accepted}' if parts.scheme else f'is not a URL; {accepted}')
    if parts.scheme == 'file' and (parts.netloc not in ('', 'localhost') or not parts.path.startswith('/')):
        refuse('image_source', 'must have three slashes, as in file:///srv/images/debian.qcow2.')
    if parts.scheme != 'file' and not parts.hostname:
        refuse('image_source', f'names no host; {accepted}')
    return parts._replace(netloc='').geturl() if parts.scheme == 'file' else source


def _digest(info, refuse):
    """(hex digest or URL of a sums file, algorithm), or (None, 'sha256')."""
    key = 'image_os_hash_value' if info.get('image_os_hash_value') else 'image_checksum'
    value, algorithm = info.get(key), info.get('image_os_hash_algo')
    if algorithm and algorithm not in checksums.ALGORITHMS:
        refuse('image_os_hash_algo', f'is "{algorithm}"; accepted are {" and ".join(checksums.ALGORITHMS)}.', _REMEDY)
    if not value:
        if algorithm:
            refuse('image_os_hash_value', f'is missing, but image_os_hash_algo is "{algorithm}".', _REMEDY)
        return None, 'sha256'
    value = str(value).strip()
    if checksums.is_url(value):
        return value, algorithm or 'sha256'
    value = value.lower()
    found = checksums.algorithm_of(value)
    if len(value) == _MD5:
        refuse(key, 'is an MD5 digest, which can be forged; accepted are SHA-256 (64 hex digits) and SHA-512 (128).', _REMEDY)
    if not found:
        refuse(key, f'has {len(value)} characters and is no digest; accepted are 64 (SHA-256) or 128 (SHA-512) hex digits, '
               'or the URL of a SHA256SUMS file.', _REMEDY)
    if key == 'image_os_hash_value' and algorithm and found != algorithm:
        refuse(key, f'is a {found} digest, but image_os_hash_algo is "{algorithm}".')
    return value, found
