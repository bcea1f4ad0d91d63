"""instance_info becomes the arguments of a fetch, or an error with the key and what it takes."""

import pytest

from ingot import errors
from ingot.drivers.images import PROPERTIES, request

SHA256, SHA512, MD5 = 'ab' * 32, 'cd' * 64, 'ef' * 16


def ask(**info):
    return request({'uuid': 'node-1', 'instance_info': info})


@pytest.mark.parametrize(('info', 'expected'), [
    ({'image_source': 'file:///srv/a'}, ('file:///srv/a', None, 'sha256', None)),
    ({'image_source': 'file://localhost/srv/a'}, ('file:///srv/a', None, 'sha256', None)),
    ({'image_source': 'https://h/a'}, ('https://h/a', None, 'sha256', None)),
    ({'image_source': 'http://h/a', 'image_checksum': SHA256}, ('http://h/a', SHA256, 'sha256', None)),
    ({'image_source': 'http://h/a', 'image_checksum': SHA512.upper()}, ('http://h/a', SHA512, 'sha512', None)),
    ({'image_source': 'http://h/a', 'image_checksum': 'http://h/SUMS'}, ('http://h/a', 'http://h/SUMS', 'sha256', None)),
    ({'image_source': 'http://h/a', 'image_os_hash_algo': 'sha512', 'image_os_hash_value': SHA512},
     ('http://h/a', SHA512, 'sha512', None)),
    ({'image_source': 'http://h/a', 'image_checksum': MD5, 'image_os_hash_algo': 'sha256', 'image_os_hash_value': SHA256},
     ('http://h/a', SHA256, 'sha256', None)),
    ({'image_source': 'file:///a', 'image_disk_format': 'qcow2', 'image_type': 'whole-disk'},
     ('file:///a', None, 'sha256', 'qcow2')),
])
def test_good(info, expected):
    assert ask(**info) == dict(zip(('source', 'checksum', 'algorithm', 'disk_format'), expected, strict=True))


@pytest.mark.parametrize(('info', 'words'), [
    ({}, 'image_source is missing; accepted are file:///PATH'),
    ({'image_source': 'b0e2a5f0-aaaa'}, 'image_source is not a URL; accepted'),
    ({'image_source': 'glance://x'}, 'image_source begins with "glance:"; accepted'),
    ({'image_source': 'ftp://h/x'}, 'image_source begins with "ftp:"'),
    ({'image_source': 'file://host/x'}, 'image_source must have three slashes'),
    ({'image_source': 'http:///x'}, 'image_source names no host'),
    ({'image_source': 'http://h:x/x'}, 'image_source is not a URL'),
    ({'image_source': 'http://h/x\r\nA: b'}, 'image_source is not a URL'),
    ({'image_source': 17}, 'image_source is not a URL'),
    ({'image_source': 'http://h/x'}, 'image_checksum is missing: an image over plain http'),
    ({'image_source': 'http://h/x', 'image_checksum': MD5}, 'image_checksum is an MD5 digest'),
    ({'image_source': 'http://h/x', 'image_checksum': 'xyz'}, 'image_checksum has 3 characters and is no digest'),
    ({'image_source': 'http://h/x', 'image_checksum': 'z' * 64}, 'image_checksum has 64 characters and is no digest'),
    ({'image_source': 'http://h/x', 'image_os_hash_algo': 'md5', 'image_os_hash_value': MD5},
     'image_os_hash_algo is "md5"; accepted are sha256 and sha512'),
    ({'image_source': 'http://h/x', 'image_os_hash_algo': 'sha512', 'image_os_hash_value': SHA256},
     'image_os_hash_value is a sha256 digest, but image_os_hash_algo is "sha512"'),
    ({'image_source': 'file:///x', 'image_os_hash_algo': 'sha512'}, 'image_os_hash_value is missing'),
    ({'image_source': 'file:///x', 'image_disk_format': 'vmdk'}, 'image_disk_format is "vmdk"; accepted are raw and qcow2'),
    ({'image_source': 'file:///x', 'image_type': 'partition'}, 'image_type is "partition"; accepted is whole-disk'),
])
def test_bad(info, words):
    with pytest.raises(errors.InvalidParameter) as caught:
        ask(**info)
    assert f'Node node-1: instance_info/{words}' in str(caught.value)


def test_every_key_in_an_error_is_described():
    assert {'image_source', 'image_checksum', 'image_os_hash_algo', 'image_os_hash_value', 'image_disk_format',
            'image_type'} == set(PROPERTIES)
