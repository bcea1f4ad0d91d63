"""The config drive: a small ISO 9660 (volume ``config-2``) that tells a new instance its name, keys and network.

Layout and file names are OpenStack's, as cloud-init and others read them. Given as parts it is built here; given as
text (base64 of a gzipped ISO, or an http(s) URL of such a text) it is checked. The same parts give the same bytes.
"""

import base64
import binascii
import gzip
import io
import json
import zlib

import pycdlib

from ingot import errors
from ingot.drivers.images import download, isodate
from ingot.drivers.images.url import mask

LIMIT = 64 << 20           # bytes of the ISO
_TEXT_LIMIT = LIMIT * 3 // 2
_MAGIC_AT, _MAGIC = 32769, b'CD001'
_FOLDER = '/openstack/latest'
#: part -> (name of its file, whether it is JSON)
_PARTS = {
    'meta_data': ('meta_data.json', True),
    'user_data': ('user_data', False),
    'network_data': ('network_data.json', True),
    'vendor_data': ('vendor_data.json', True),
}
_ACCEPTED = 'Give an object with meta_data, user_data, network_data, vendor_data, or base64 of a gzipped ISO, or its http(s) URL.'


def build(value, *, node, devices=()):
    """Base64 of the gzipped ISO for ``node``, from an object of parts, from such a text, or from the URL of such a text.

    ``devices`` are listed in meta_data, when it is made here; what a client made is left as it is.
    Raises InvalidParameter, TooLarge (the ISO is above 64 MiB), ImageUnavailable (the URL does not answer).
    """
    if isinstance(value, dict):
        return _encode(_make_iso(_files(value, node, devices)), node)
    if not isinstance(value, str):
        raise _refusal(node, f'is of type {type(value).__name__}')
    text = value.strip()
    if text.startswith(('http://', 'https://')):
        text = _download(text, node)
    packed = _decode(text, node)
    _check(packed, node)
    return base64.b64encode(packed).decode()


def _refusal(node, reason):
    return errors.InvalidParameter(f'Node {node["uuid"]}: the config drive {reason}.', remedy=_ACCEPTED)


def _too_large(node):
    return errors.TooLarge(f'Node {node["uuid"]}: the config drive is larger than {LIMIT >> 20} MiB.',
                           remedy='Keep large files elsewhere and fetch them from user_data.')


def _files(parts, node, devices):
    """{file name: bytes}; meta_data gets the defaults that instances rely on."""
    unknown = sorted(set(parts) - set(_PARTS))
    if unknown:
        raise _refusal(node, f'has parts that are not known: {", ".join(map(str, unknown))}')
    content = {**parts, 'meta_data': _meta_data(parts.get('meta_data'), node, devices)}
    files = {}
    for part, (name, is_json) in _PARTS.items():
        if content.get(part) is not None:
            files[name] = _bytes(part, content[part], is_json, node)
    if sum(map(len, files.values())) > LIMIT:
        raise _too_large(node)
    return files


def _meta_data(given, node, devices):
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise _refusal(node, 'has meta_data that is no JSON') from None
    if given is not None and not isinstance(given, dict):
        raise _refusal(node, f'has meta_data of type {type(given).__name__}; an object is accepted')
    name = node.get('name')
    hostname = (node.get('instance_info') or {}).get('display_name') or name
    defaults = {'uuid': node['uuid'], 'name': name, 'hostname': hostname, 'devices': list(devices)}
    return {**{key: value for key, value in defaults.items() if value}, **(given or {})}


def _bytes(part, value, is_json, node):
    if isinstance(value, str) and not is_json:
        return value.encode()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise _refusal(node, f'has {part} that is no JSON') from None
    if not isinstance(value, (dict, list)):
        raise _refusal(node, f'has {part} of type {type(value).__name__}; an object is accepted')
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _make_iso(files):
    """Bytes of an ISO 9660 with Rock Ridge and Joliet, with every date fixed."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, vol_ident='config-2', joliet=3, rock_ridge='1.09')
    path = ''
    for name in _FOLDER.strip('/').split('/'):
        path += f'/{name}'
        iso.add_directory(path.upper(), rr_name=name, joliet_path=path)
    for name, content in sorted(files.items()):
        plain = name.upper() if '.' in name else f'{name.upper()}.'
        iso.add_fp(io.BytesIO(content), len(content), f'{_FOLDER.upper()}/{plain};1', rr_name=name,
                   joliet_path=f'{_FOLDER}/{name}')
    result = io.BytesIO()
    iso.write_fp(result)
    iso.close()
    return isodate.settle(result.getvalue())


def _encode(iso, node):
    if len(iso) > LIMIT:
        raise _too_large(node)
    return base64.b64encode(gzip.compress(iso, mtime=0)).decode()


def _download(url, node):
    try:
        content = download.read_small(url, limit=_TEXT_LIMIT)
    except errors.TooLarge:
        raise _too_large(node) from None
    try:
        return content.decode('ascii')
    except UnicodeDecodeError:
        raise _refusal(node, f'at {mask(url)} is not base64') from None


def _decode(text, node):
    if len(text) > _TEXT_LIMIT:
        raise _too_large(node)
    try:
        return base64.b64decode(''.join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _refusal(node, 'is neither base64 nor a URL') from None


def _check(packed, node):
    """It unpacks to an ISO of at most LIMIT bytes; more is never unpacked."""
    position = 0
    head = b''
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            while block := file.read(1 << 20):
                head = head + block if position < _MAGIC_AT + len(_MAGIC) else head
                position += len(block)
                if position > LIMIT:
                    raise _too_large(node)
    except (OSError, EOFError, zlib.error):
        raise _refusal(node, 'is not gzip, or is cut off') from None
    if head[_MAGIC_AT:_MAGIC_AT + len(_MAGIC)] != _MAGIC:
        raise _refusal(node, 'is no ISO 9660 image (CD001 is missing)')
