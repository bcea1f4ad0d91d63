"""End an iSCSI session of the kernel, over its netlink interface (scsi/iscsi_if.h).

Why this is here: iscsistart only logs in, and a session outlives it. sysfs can delete the SCSI disk, not the session;
iscsid and iscsiadm would be a daemon, a database and 1 MB for this one call. So the agent does what iscsid does after a
logout: stop the connection, destroy it, destroy the session. No Logout PDU is sent: the kernel closes the TCP
connection, by which the target knows that the session is over (RFC 7143 7.5: connection termination); of a LUN that is
only read nothing is lost by that.
"""

import os
import socket
import struct

_NETLINK_ISCSI = 8
_DESTROY_SESSION, _DESTROY_CONNECTION, _STOP_CONNECTION = 12, 14, 18
_TERMINATE = 1                # enum iscsi_stop_conn: STOP_CONN_TERM
_EVENT_SIZE = 256             # room for struct iscsi_uevent, whose size grew with the kernels


def end_session(transport, session, connection=0):
    """Returns when the session (number in sysfs) is gone; its disk is gone then too.

    :param transport: the number in /sys/class/iscsi_transport/tcp/handle. OSError: the kernel refused.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ISCSI) as channel:
        channel.settimeout(30)
        channel.bind((0, 0))
        ask(channel, _STOP_CONNECTION, transport, struct.pack('=IIQI', session, connection, 0, _TERMINATE))
        ask(channel, _DESTROY_CONNECTION, transport, struct.pack('=II', session, connection))
        ask(channel, _DESTROY_SESSION, transport, struct.pack('=I', session))


def ask(channel, kind, transport, members):
    """Send one event and wait for the kernel's answer to it, past the news that it sends to everybody."""
    channel.send(message(kind, transport, members))
    while True:
        answer = channel.recv(65536)
        got, error = parse(answer)
        if got == kind:
            if error:
                raise OSError(abs(error), f'iSCSI request {kind} was refused: {os.strerror(abs(error))}')
            return


def message(kind, transport, members):
    """A netlink message with a struct iscsi_uevent: type, error, handle of the transport, members of this event."""
    event = struct.pack('=IIQ', kind, 0, transport) + members
    event += bytes(_EVENT_SIZE - len(event))
    return struct.pack('=IHHII', 16 + len(event), kind, 0, 0, os.getpid()) + event


def parse(answer):
    """(kind, error) of a message from the kernel: its own code for refusals is a negative errno."""
    return struct.unpack_from('=Ii', answer, 16)
