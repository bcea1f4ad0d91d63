"""Digests are found in files as sha256sum, BSD and distributions write them."""

import pytest

from ingot import errors
from ingot.drivers.images import checksum

A, B, C = 'aa' * 32, 'bb' * 64, 'cc' * 16


@pytest.mark.parametrize(('text', 'expected'), [
    (f'{A}  debian.qcow2\n{"11" * 32}  other\n', (A, 'sha256')),
    (f'{"11" * 32}  x-debian.qcow2\r\n{A} *debian.qcow2\r\n', (A, 'sha256')),
    (f'{B}  ./images/debian.qcow2\n', (B, 'sha512')),
    (f'# note\nSHA512 (debian.qcow2) = {B}\n', (B, 'sha512')),
    (f'SHA256 (debian.qcow2) = {A.upper()}\n', (A, 'sha256')),
    (f'{C}  debian.qcow2\n{A}  debian.qcow2\n', (A, 'sha256')),
    (f'{A}\n', (A, 'sha256')),
])
def test_found(text, expected):
    assert checksum.find(text, 'https://host/path/debian.qcow2?x=1', name='SUMS') == expected


@pytest.mark.parametrize('text', ['', '<html>', f'{C}  debian.qcow2', f'{A}  other.qcow2', f'{A}\n{A}\n'])
def test_not_found(text):
    with pytest.raises(errors.InvalidParameter, match=r'SUMS has no SHA-256 or SHA-512 for "debian\.qcow2"'):
        checksum.find(text, 'https://host/debian.qcow2', name='SUMS')
