"""An ISO 9660 image with all its dates set to one, so that the same content always gives the same bytes.

The writer that we use stamps the present time on everything. ECMA-119 sections 8.4 and 9.1, Rock Ridge TF (RRIP 4.1.6).
"""

_SECTOR = 2048
_FIRST_DESCRIPTOR = 16
_RECORD_DATE = bytes((2000 - 1900, 1, 1, 0, 0, 0, 0))
_VOLUME_DATE = b'2000010100000000\0'
_DATES_AT = (813, 830, 864)      # created, modified, effective; 847 is the expiry, which is not set
_NO_ZONE = 17


def settle(iso):
    """``iso`` (bytes) with each date replaced by 2000-01-01 00:00 UTC."""
    image = bytearray(iso)
    sector = _FIRST_DESCRIPTOR * _SECTOR
    while image[sector] != 255:      # the terminator
        if image[sector] in (1, 2):      # primary; supplementary (Joliet)
            for date in _DATES_AT:
                image[sector + date:sector + date + _NO_ZONE] = _VOLUME_DATE
            _settle_record(image, sector + 156)
            _settle_folder(image, *_extent(image, sector + 156), set())
        sector += _SECTOR
    return bytes(image)


def _extent(image, record):
    """(start, length) in bytes of what a directory record describes."""
    return (int.from_bytes(image[record + 2:record + 6], 'little') * _SECTOR,
            int.from_bytes(image[record + 10:record + 14], 'little'))


def _settle_folder(image, start, length, seen):
    if start in seen:      # "." and ".." lead back
        return
    seen.add(start)
    position = start
    while position < start + length:
        if not image[position]:      # records do not cross sectors: the rest of this one is empty
            position += _SECTOR - position % _SECTOR
            continue
        _settle_record(image, position)
        if image[position + 25] & 2:
            _settle_folder(image, *_extent(image, position), seen)
        position += image[position]


def _settle_record(image, record):
    image[record + 18:record + 25] = _RECORD_DATE
    name = image[record + 32]
    _settle_rock_ridge(image, record + 33 + name + (1 - name % 2), record + image[record])


def _settle_rock_ridge(image, position, end):
    while position + 4 <= end and image[position + 2]:
        kind, length = image[position:position + 2], image[position + 2]
        if kind == b'TF':
            for date in range(position + 5, position + length, 7):
                image[date:date + 7] = _RECORD_DATE
        if kind == b'CE':      # goes on elsewhere
            block, offset, size = (int.from_bytes(image[position + at:position + at + 4], 'little') for at in (4, 12, 20))
            _settle_rock_ridge(image, block * _SECTOR + offset, block * _SECTOR + offset + size)
        position += length
