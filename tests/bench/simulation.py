"""``python -m tests.bench.simulation``: what a life costs in simulated sites; writes the table of docs/figures.md."""

import argparse
import sys

from ingot.cli import simulate


def measure(nodes, conductors, seed):
    """One row: CPU seconds of the whole process, its start and the making of the database included. Problems go to stderr."""
    before = simulate.cost()
    outcome = simulate.simulate(seed, nodes=nodes, conductors=conductors, kills=10, limit=3600 + nodes)
    cpu = simulate.cost() - before
    for problem in outcome['problems']:
        print(f'PROBLEM (seed {seed}): {problem}', file=sys.stderr)
    return (f'| {nodes} | {conductors} | {outcome["blows"]} | {outcome["seconds"]:.0f} | {outcome["events"]} | {cpu:.0f} | '
            f'{cpu / nodes * 1000:.0f} | {len(outcome["problems"])} |')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--nodes', default='100,300,1000', help='numbers, separated by commas')
    parser.add_argument('--conductors', default='3,16')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    print('| nodes | conductors | kills | virtual s | events | CPU s | CPU ms a life | problems |')
    print('|---' * 8 + '|')
    for nodes in map(int, options.nodes.split(',')):
        for conductors in map(int, options.conductors.split(',')):
            print(measure(nodes, conductors, options.seed), flush=True)


if __name__ == '__main__':
    main()
