"""The file ``[pci] information``: read at start, read again when it changes; a broken one does not replace a good one."""

import functools
import logging
import os

import yaml

from ingot import errors
from ingot.scheduler import offer

log = logging.getLogger(__name__)
_MOST_BYTES = 16 << 20


class File:
    """What the file at ``path`` (None: there is none) says, as it was when it was last good."""

    def __init__(self, path):
        self.path = path
        self._seen, self._good = None, None if path else offer.Information(None)

    def current(self):
        """The Information in force. Raises only while there was no good one yet."""
        seen = _stamp(self.path) if self.path else None
        if self._good is None or seen != self._seen:
            self._seen = seen
            self._read_again()
        return self._good

    def _read_again(self):
        try:
            self._good = read(self.path)
            log.info('PCI information of %s is in force', self.path)
        except errors.Invalid as error:
            if self._good is None:
                raise
            log.error('PCI information is broken, the last good version stays in force: %s', error.explain())


def read(path):
    """The Information (offer.Information) in a file; Invalid names the file, the place and the reason."""
    try:
        with open(path, 'rb') as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise errors.Invalid(f'{path} cannot be read: {error.strerror}.', remedy='[pci] information names the file.') from None
    if len(text) > _MOST_BYTES:
        raise errors.Invalid(f'{path} is larger than {_MOST_BYTES >> 20} MiB.')
    try:
        return offer.Information(yaml.safe_load(text))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        place = getattr(error, 'problem_mark', None)
        where = f', line {place.line + 1}' if place else ''
        raise errors.Invalid(f'{path}{where}: neither YAML nor JSON.', remedy='See docs/devices.md for its form.') from None
    except errors.Invalid as error:
        raise errors.Invalid(f'{path}: {error}', remedy=error.remedy) from None


@functools.cache
def of(path):
    """The one File for ``path`` in this process: whoever asks sees the same version."""
    return File(path)


def current(conf):
    """The Information in force for the conductor of ``conf``."""
    return of(conf.pci.information).current()


def _stamp(path):
    """Changes when the file does; None while there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
