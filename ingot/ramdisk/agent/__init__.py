"""The agent on the machine: gets one plan, carries it out alone, tells what it does and ends with one report.

Python's standard library only, and imports nothing of Ingot's: this folder is what runs in the ramdisk, as
``python3 -I -S -m`` of a package called ``agent``. The protocol is docs/agent-protocol.md.

    __main__     kernel line -> network -> the loop
    core         (state, message) -> (state, effects); pure. outbox: what waits to be told; pure
    world        carries effects out for real. recorded: only writes them down, for tests
    actions/     one file, one action of the plan
    disks hints iscsi partition block ...    what actions are made of

What it needs besides: ``/sys /proc /dev`` mounted, ``busybox`` (ip, udhcpc with its default script, poweroff, reboot)
and ``iscsistart`` on the PATH, the kernel modules of NIC, disks and iscsi_tcp loaded. It avoids the heavy parts of the
standard library (http.client, ssl, urllib, logging): their import alone costs a second on an emulated machine.
"""
