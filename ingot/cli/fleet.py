"""``ingot fleet``: thousands of simulated machines behind real BMCs, in one process."""

import signal
import urllib.parse

from ingot import concurrency, errors
from ingot.lab.fleet import faults, identity
from ingot.lab.fleet.enrolment import Enrolment

#: Seconds that an API which is about to start is waited for.
_PATIENCE = 30


def arguments(parser):
    parser.add_argument('what', nargs='?', choices=['run', 'enrol'], default='run',
                        help='run it (the default), or make the nodes of one that runs')
    parser.add_argument('url', nargs='?', help='the API at which nodes are made (enrol)')
    parser.add_argument('--count', type=int, default=1000, metavar='N', help='how many (default %(default)s)')
    parser.add_argument('--first', default=identity.FIRST, metavar='ADDRESS',
                        help='of the first BMC, in 127.0.0.0/8 (default %(default)s)')
    parser.add_argument('--port', type=int, default=identity.PORT, help='UDP port of all BMCs (default %(default)s)')
    parser.add_argument('--faults', metavar='FILE', help='which of them misbehave, and how (JSON, see docs/lab.md)')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='of passwords, identities and chance (default 0)')
    parser.add_argument('--enrol', metavar='URL', help='make the nodes as well, once the BMCs answer')
    parser.add_argument('--manage', action='store_true', help='ask for "manage" of each node that is made')
    parser.add_argument('--boot', metavar='URL', help='whole machines, which netboot from this boot server ([boot] url); without '
                                                      'it there is nothing behind the BMCs')
    parser.add_argument('--pace', type=float, default=1.0, metavar='N',
                        help='seconds of the machines in one of ours, with --boot (default 1)')


def run(options):
    identity.check_seed(options.seed)
    addresses = identity.addresses(options.count, options.first)
    if options.what == 'enrol':
        if not options.url:
            raise errors.InvalidParameter('ingot fleet enrol needs the URL of the API.', remedy='ingot fleet enrol URL')
        return enrol(options, options.url, addresses)
    return serve(options, addresses)


def serve(options, addresses):
    """Run the fleet until SIGTERM or SIGINT; of whole machines it is told then, and at SIGUSR1, what they have done."""
    signals = concurrency.Signals(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    part = make(options, addresses)
    fleet = part.fleet if options.boot else part
    part.start()
    try:
        options.port = fleet.port
        print(f'Fleet of {len(fleet)} BMCs at {addresses[0]} to {addresses[-1]}, UDP port {fleet.port}, user {identity.USER}, '
              f'passwords {identity.password(options.seed, 0)} to {identity.password(options.seed, len(fleet) - 1)}', flush=True)
        if options.enrol:
            enrol(options, options.enrol, addresses)
        number = signal.SIGUSR1
        while number == signal.SIGUSR1:
            number = signals.wait()
            if options.boot:
                print(part.sum_up(), flush=True)
    finally:
        part.stop()
    return 0


def make(options, addresses):
    """What is to be started: a Fleet, or with --boot a Hall."""
    from ingot.lab.fleet.fleet import Fleet
    from ingot.lab.fleet.hall import Hall
    plan = faults.load(options.faults, addresses, options.seed) if options.faults else ()
    words = {'first': options.first, 'port': options.port, 'seed': options.seed}
    if options.boot:
        parts = urllib.parse.urlsplit(options.boot)
        if parts.scheme != 'http' or not parts.hostname:
            raise errors.InvalidParameter(f'--boot "{options.boot}" is no URL of a boot server, such as http://127.0.0.1:6387.')
        if not options.pace > 0:
            raise errors.InvalidParameter(f'--pace {options.pace:g} is not above 0.')
        return Hall(options.count, options.boot, plan=plan, pace=options.pace, **words)
    troubles = faults.of_machines(plan)
    if troubles:
        raise errors.InvalidParameter(f'Fault plan {options.faults}: "{troubles[0].fault}" is of a machine, and there is nothing '
                                      f'behind the BMCs.', remedy='Give the URL of the boot server with --boot.')
    return Fleet(options.count, faults=plan, **words)


def enrol(options, url, addresses):
    def access(number):
        return identity.access(options.seed, number, addresses[number], options.port)
    made, found = Enrolment(url, access, options.count, seed=options.seed, is_managed=options.manage,
                            patience=_PATIENCE).run()
    print(f'{made} nodes made, {found} were there', flush=True)
    return 0
