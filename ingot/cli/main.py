"""``ingot``: one command, its subcommands in one table.

Exit status: 0 done, 1 the work failed, 2 wrong usage, 3 the API refused, 4 the API does not answer, 5 --wait ran out.
"""

import argparse
import importlib
import os
import sys

import ingot
from ingot import errors
from ingot.cli import log

#: Subcommand -> (module that has ``arguments(parser)`` and ``run(options) -> exit status``, what it does).
COMMANDS = {
    'serve': ('serve', 'run API and conductor in one process'),
    'api': ('api', 'run the API alone'),
    'conductor': ('conductor', 'run a conductor alone'),
    'db': ('db', 'upgrade the database, or tell its version'),
    'ramdisk': ('ramdisk', 'build the kernel and ramdisk that machines boot'),
    'lab': ('lab', 'virtual machines behind real IPMI, to try things on'),
    'fleet': ('fleet', 'thousands of simulated machines behind real IPMI, to find limits'),
    'simulate': ('simulate', 'run a whole site under virtual time, the same for the same seed'),
    'demo': ('demo', 'deploy two virtual machines from power-on to a booted system'),
    'node': ('node', 'work with nodes of a running Ingot'),
    'queue': ('queue', 'see what waits for its turn, and set how much may be in flight'),
    'allocate': ('allocate', 'ask for nodes and devices, get exactly that, or hear why not'),
    'allocation': ('allocation', 'see and give back what was asked for'),
    'device': ('device', 'see the PCI devices of nodes, and say which may be had'),
    'pci-flavor': ('pci_flavor', 'name kinds of PCI devices, see what of them can be had, read those of OpenStack Nova'),
    'resource-class': ('resource_class', 'see what nodes are of, and how many there are to be had'),
    'placement': ('placement', 'see whether OpenStack Placement has heard everything'),
    'completion': ('completion', 'print the completion script for bash'),
}


def parser(only=None):
    """The argument parser; ``only`` loads one subcommand's module (start-up time) and leaves the others bare."""
    top = argparse.ArgumentParser(prog='ingot', description=ingot.__doc__)
    top.add_argument('--version', action='version', version=f'ingot {ingot.__version__}')
    top.add_argument('--debug', action='store_true', help='show more, and tracebacks')
    subparsers = top.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, (module, text) in COMMANDS.items():
        sub = subparsers.add_parser(name, help=text, description=f'ingot {name}: {text}.')
        if only is None or only == name:
            command = importlib.import_module(f'ingot.cli.{module}')
            command.arguments(sub)
            sub.set_defaults(run=command.run)
    return top


def main(argv=None):
    """Run one command; returns its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    name = next((word for word in argv if not word.startswith('-')), None)
    options = parser(name if name in COMMANDS else None).parse_args(argv)
    log.start(is_debug=options.debug)
    try:
        status = options.run(options) or 0
        sys.stdout.flush()                   # here, where a reader that has left is no error
        return status
    except errors.IngotError as error:
        if options.debug:
            raise
        print(f'ingot: {error.explain()}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == '__main__':
    sys.exit(main())
