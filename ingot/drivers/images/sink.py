"""Where bytes of a source go: a sparse file that is hashed while it grows and bounded in size."""

import hashlib

from ingot import errors

_BLOCK = 64 << 10
_BATCH = 1 << 20
_ZEROS = bytes(_BLOCK)


class Sink:
    """Writes to ``path``; blocks of zeros become holes. ``received`` is what came so far, ``hexdigest`` is of exactly that.

    :param limit: most bytes that are taken; TooLarge above. :param make_room: is told how many bytes are about to come.
    ``restart`` forgets everything, ``finish`` completes the file.
    """

    def __init__(self, path, *, algorithm, limit, make_room, name):
        self._path, self._algorithm, self._name = path, algorithm, name
        self._limit, self._make_room = limit, make_room
        self._file = None
        self.restart()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def restart(self):
        if self._file:
            self._file.close()
        self._file = open(self._path, 'wb', buffering=0)     # noqa: SIM115 - closed by __exit__
        self._hash = hashlib.new(self._algorithm)
        self._waiting = bytearray()
        self._written = 0

    @property
    def received(self):
        return self._written + len(self._waiting)

    def expect(self, total):
        """TooLarge when ``total`` bytes in all are more than may come, ImageUnavailable when the disk has no room for them."""
        self._refuse_above_limit(total)
        self._make_room(total - self.received)

    def _refuse_above_limit(self, total):
        if total > self._limit:
            raise errors.TooLarge(f'Image {self._name} has {total} bytes or more; at most {self._limit} are accepted.',
                                  remedy='Raise [images]max_image_mib, or shrink the image.')

    def take(self, data):
        self._waiting += data
        self._refuse_above_limit(self.received)
        self._hash.update(data)
        if len(self._waiting) >= _BATCH:
            whole = len(self._waiting) // _BLOCK * _BLOCK
            self._write(bytes(self._waiting[:whole]))
            del self._waiting[:whole]

    def finish(self):
        """Everything is in the file, which has its full length; returns the hex digest."""
        self._write(bytes(self._waiting))
        self._waiting.clear()
        self._file.truncate(self._written)
        return self._hash.hexdigest()

    def _write(self, data):
        self._make_room(len(data))
        for start in range(0, len(data), _BLOCK):
            block = data[start:start + _BLOCK]
            if block == _ZEROS:
                self._file.seek(len(block), 1)
            else:
                self._file.write(block)
        self._written += len(data)
