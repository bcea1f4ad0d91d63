"""From the kernel line to the last deed. Exit status 1: the agent could not even begin; /init then says so."""

import base64
import os
import sys

from . import actions, core, iscsi, kernel_line, network, power
from .machine import Machine, macs
from .world import World


def main():
    machine = Machine()
    try:
        line = kernel_line.parse(machine.process_text('cmdline'))
        adapter = network.bring_up(machine, line)
    except (ValueError, OSError) as error:
        print(f'ingot-agent: {error}', flush=True)
        return 1
    print(f'ingot-agent: network is up ({adapter}), API {line.api}', flush=True)
    table = actions.table()
    who = core.Identity(operation=line.operation, token=line.token, session=_new_secret(),
                        boot_id=machine.boot_id(), macs=tuple(macs(machine)), known=frozenset(table))
    world = World(machine, line, table, lambda target: iscsi.Session(machine, target, iscsi.initiator_name(line.mac)))
    power.end(world.run(core.begin(who)))
    return 1


def _new_secret():
    """43 URL-safe characters that nobody can guess."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip('=')


if __name__ == '__main__':
    sys.exit(main())
