"""What switches say of themselves to the cards that hang on them: LLDP (IEEE 802.1AB-2016), heard, not understood here.

A card's neighbour is told as [[type, value in hexadecimal], ...], as Ironic's ramdisk does; the conductor reads it.
"""

import contextlib
import fcntl
import select
import socket
import struct
import time

_ETHERTYPE = 0x88CC
#: Nearest bridge (7.1): what switches forward to nobody.
_GROUP = bytes.fromhex('0180c200000e')
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_MULTICAST = 263, 1, 0        # packet(7)
_LONGEST = 9000           # bytes of a frame
_MOST = 100               # TLVs of a neighbour


def listen(names, seconds):
    """{name: TLVs} of the cards ``names`` that heard a neighbour within ``seconds``; they are up afterwards."""
    heard, channels = {}, {}
    with contextlib.ExitStack() as stack:
        for name in names:
            with contextlib.suppress(OSError):
                channels[stack.enter_context(_open(name))] = name
        deadline = time.monotonic() + seconds
        while channels and (left := deadline - time.monotonic()) > 0:
            for channel in select.select(list(channels), [], [], left)[0]:
                found = _receive(channel)
                if found:
                    heard[channels.pop(channel)] = found
    return heard


def _open(name):
    """A raw socket that gets the LLDP frames of one card, which is switched on for it."""
    channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE))
    try:
        request = struct.pack('16sH', name.encode()[:15], 0)
        flags, = struct.unpack_from('H', fcntl.ioctl(channel, _SIOCGIFFLAGS, request + bytes(22)), 16)
        fcntl.ioctl(channel, _SIOCSIFFLAGS, struct.pack('16sH', name.encode()[:15], flags | _IFF_UP) + bytes(22))
        channel.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, struct.pack(
            '=iHH8s', socket.if_nametoindex(name), _PACKET_MR_MULTICAST, len(_GROUP), _GROUP))
        channel.bind((name, _ETHERTYPE))
        channel.setblocking(False)
    except BaseException:
        channel.close()
        raise
    return channel


def _receive(channel):
    with contextlib.suppress(OSError):
        return tlvs(channel.recv(_LONGEST))
    return []


def tlvs(frame):
    """[[type, value in hexadecimal]] of an Ethernet frame with LLDP, up to its end mark; [] for anything else (8.2 to 8.4)."""
    at, found = 14, []
    if frame[12:14] != _ETHERTYPE.to_bytes(2):
        return found
    while at + 2 <= len(frame) and len(found) < _MOST:
        head, = struct.unpack_from('>H', frame, at)
        kind, length = head >> 9, head & 0x1FF
        if kind == 0 or at + 2 + length > len(frame):
            break
        found.append([kind, frame[at + 2:at + 2 + length].hex()])
        at += 2 + length
    return found
