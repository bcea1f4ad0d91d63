"""Checksums that an owner gives for an image: their algorithm, and where they stand in a SHA256SUMS-style file."""

import posixpath
import re
import urllib.parse

from ingot import errors

LENGTHS = {64: 'sha256', 128: 'sha512'}
ALGORITHMS = tuple(LENGTHS.values())
_HEX = re.compile(r'[0-9a-f]+')
_GNU = re.compile(r'\\?([0-9a-fA-F]{32,128})[ \t]+[ *]?(\S.*)')
_BSD = re.compile(r'SHA(?:256|512) ?\((.+)\) ?= ?([0-9a-fA-F]{64,128})')


def algorithm_of(digest):
    """'sha256' or 'sha512' by the length of a hex ``digest`` (lower case), None when it is neither."""
    return LENGTHS.get(len(digest)) if _HEX.fullmatch(digest) else None


def is_url(text):
    return text.lower().startswith(('http://', 'https://', 'file://'))


def find(text, source, *, name):
    """(hex digest, algorithm) for the file that ``source`` (a URL) names, out of the sums file's ``text``.

    Understood are ``sha256sum``'s lines, BSD's ``SHA256 (file) = ...``, and a lone digest.
    :param name: the sums file, for errors.
    """
    wanted = posixpath.basename(urllib.parse.unquote(urllib.parse.urlsplit(source).path))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith('#')]
    if len(lines) == 1 and algorithm_of(lines[0].lower()):
        return lines[0].lower(), algorithm_of(lines[0].lower())
    for line in lines:
        gnu, bsd = _GNU.fullmatch(line), _BSD.fullmatch(line)
        digest, file = gnu.groups() if gnu else bsd.groups()[::-1] if bsd else ('', '')
        if posixpath.basename(file) == wanted and algorithm_of(digest.lower()):
            return digest.lower(), algorithm_of(digest.lower())
    raise errors.InvalidParameter(f'instance_info/image_checksum: {name} has no SHA-256 or SHA-512 for "{wanted}".',
                                  remedy='Name a file of sha256sum\'s format that lists the image, or give the digest itself.')
