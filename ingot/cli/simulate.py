"""``ingot simulate``: a whole site under virtual time, in which conductors die and machines fail; the same for the same seed."""

import json
import os
import random
import resource
import subprocess
import sys
import time

from ingot import errors


def arguments(parser):
    parser.add_argument('--nodes', type=int, default=50, metavar='N', help='machines, each with a whole life (default 50)')
    parser.add_argument('--conductors', type=int, default=3, metavar='N', help='default 3')
    parser.add_argument('--seed', type=int, help='default: a new one, which is printed')
    parser.add_argument('--kills', type=int, default=10, metavar='N', help='conductors that are killed (default 10)')
    parser.add_argument('--pauses', type=int, default=0, metavar='N', help='conductors that are stopped for a while')
    parser.add_argument('--stops', type=int, default=0, metavar='N', help='conductors that are stopped as by SIGTERM')
    parser.add_argument('--max-in-flight', type=int, metavar='N', help='policy of the queue; default: no limit')
    parser.add_argument('--faults', metavar='FILE', help='plan of faults of the machines (JSON)')


def run(options):
    """Exit status 1: the run ended otherwise than it should."""
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    print(f'Seed {seed}', flush=True)
    began = time.monotonic()
    outcome = simulate(seed, nodes=options.nodes, conductors=options.conductors, kills=options.kills, pauses=options.pauses,
                       stops=options.stops, faults=_read(options.faults), limit=3600 + options.nodes,
                       policy=options.max_in_flight and {'max_in_flight': options.max_in_flight})
    print(f'{options.nodes} nodes, {options.conductors} conductors, {outcome["blows"]} blows: {outcome["seconds"]:.0f} virtual '
          f's, {outcome["events"]} events, in {time.monotonic() - began:.1f} s ({cost():.1f} s of a core)\n'
          f'Digest {outcome["digest"]}')
    for problem in outcome['problems']:
        print(f'PROBLEM (seed {seed}): {problem}')
    return 1 if outcome['problems'] else 0


def cost():
    """CPU seconds of the simulations that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def simulate(seed, *, faults=(), is_debug=False, **run):
    """The outcome of one run (ingot.simulation.run.Outcome as a dict), in a process of its own."""
    words = {'seed': seed, 'faults': list(faults), 'is_debug': is_debug, 'run': run}
    done = subprocess.run([sys.executable, '-W', 'ignore', '-m', 'ingot.simulation', json.dumps(words)], check=False,
                          env={**os.environ, 'PYTHONHASHSEED': '0'}, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise errors.IngotError(f'The simulation with seed {seed} broke down (exit status {done.returncode}).')
    return json.loads(done.stdout)


def _read(path):
    if path is None:
        return ()
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise errors.Invalid(f'The plan of faults {path} cannot be read: {error}.') from None
