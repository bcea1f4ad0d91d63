"""The agent on the machine: gets one plan, carries it out alone, tells what it does and ends with one report.

Python's standard library only, and imports nothing of Ingot's: this folder is what runs in the ramdisk, as
``python3 -I -S -m`` of a package called ``agent``. The protocol is docs/agent-protocol.md.

    __main__     kernel line -> network -> the loop
    core         (state, message) -> (state, effects); pure. outbox: what waits to be told; pure
    world        carries effects out for real. recorded: only writes them down, for tests
    actions/     one file, one action of the plan
    disks hints iscsi partition blocks ...   what actions are made of

What it needs besides: ``/sys /proc /dev`` mounted, ``busybox`` (ip, udhcpc, poweroff, reboot) and ``iscsistart`` on the
PATH, the kernel modules of NIC, disks and iscsi_tcp loaded.
"""

#: Modules of the standard library that the agent imports itself; a test compares it with the sources. What these
#: import in turn is found by running ``python3 -I -S -X importtime -m agent --imports``.
STDLIB = ('base64', 'binascii', 'collections', 'contextlib', 'errno', 'fcntl', 'hashlib', 'heapq', 'importlib', 'json',
          'mmap', 'os', 'queue', 're', 'secrets', 'socket', 'stat', 'struct', 'subprocess', 'sys', 'tempfile',
          'threading', 'time', 'typing', 'uuid', 'zlib')
