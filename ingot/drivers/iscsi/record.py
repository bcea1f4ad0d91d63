"""What is exported, on disk: one file an operation, so that a target and its secret outlive tgtd and conductor."""

import contextlib
import json
import os
import re
import secrets
from typing import NamedTuple

from ingot import errors

_OPERATION = re.compile(r'[0-9A-Za-z-]{1,64}')
_SUFFIX = '.json'


def name(operation):
    """The iSCSI name of the operation's target (RFC 3721)."""
    return f'iqn.2026-01.org.ingot:{operation}'


class Record(NamedTuple):
    operation: str
    path: str
    user: str
    secret: str

    @property
    def iqn(self):
        return name(self.operation)


class Records:
    """The records in ``folder`` (mode 0700: they hold CHAP secrets)."""

    def __init__(self, folder):
        self.folder = folder

    def operations(self):
        """The operations that have a record."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(name.removesuffix(_SUFFIX) for name in os.listdir(self.folder) if name.endswith(_SUFFIX))
        return []

    def all(self):
        return [record for operation in self.operations() if (record := self.get(operation))]

    def get(self, operation):
        """The record, or None (also when the file cannot be understood: it is made anew then)."""
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError), open(self._file(operation)) as file:
            return Record(**json.load(file))

    def take(self, operation, path):
        """The record of ``operation``, with the secret it has or a new one of 128 bits; it is on disk when this returns.

        32 hex digits: within the 12 to 16 and more characters that initiators take, and nothing tgtadm would misread.
        """
        known = self.get(operation)
        if known and known.path == path:
            return known
        record = Record(operation, path, operation, known.secret if known else secrets.token_hex(16))
        self._write(record)
        return record

    def remove(self, operation):
        for path in (self._file(operation), f'{self._file(operation)}.new'):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def _write(self, record):
        final = self._file(record.operation)
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with open(os.open(f'{final}.new', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
            json.dump(record._asdict(), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f'{final}.new', final)

    def _file(self, operation):
        if not _OPERATION.fullmatch(operation):
            raise errors.Invalid(f'"{operation}" cannot be the name of an operation; accepted are letters, digits and "-".')
        return os.path.join(self.folder, operation + _SUFFIX)
