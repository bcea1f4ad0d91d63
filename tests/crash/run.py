"""``make crash``: what dies, and what comes of it. Writes the section of docs/figures.md to standard output.

    python -m tests.crash.run [PART ...] [--database mariadb|postgresql] [--kills 40] [--seed N] [--deployments 100]

Parts: matrix, moments, broker, database, sleep, cut, clock, disk, bmcs; all of them when none is named. Real processes: an API,
three conductors, RabbitMQ, the database; the exit status is 1 when something is not as it should be.
"""

import argparse
import os
import pathlib
import signal
import sys
import tempfile
import time
import traceback

import sqlalchemy as sa

from tests.crash import bmcs, disk, matrix, moments, servers, strange
from tests.crash.cluster import Cluster
from tests.crash.proxy import Proxy

#: Nodes for the matrix: two lives side by side, each with a node for each point of its longest flow, and one to lead.
_POINTS = 2 * 58


def run_matrix(folder, options):
    with Cluster(folder, count=_POINTS, database=options.database) as cluster:
        matrix.run(cluster)


def run_moments(folder, options):
    with Cluster(folder, count=20, database=options.database) as cluster:
        print(moments.run(cluster, options.kills, options.seed).text())


def run_broker(folder, options):
    with Cluster(folder, count=options.deployments, database=options.database) as cluster:
        print(servers.run(cluster, cluster.broker, 'RabbitMQ').text())


def run_database(folder, options):
    with Cluster(folder, count=options.deployments, database=options.database) as cluster:
        print(servers.run(cluster, cluster.server, options.database).text())


def run_sleep(folder, options):
    with Cluster(folder, count=30, database=options.database) as cluster:
        print(strange.sleep(cluster).text())


def run_cut(folder, options):
    with Cut(folder, 30, options.database) as (cluster, proxy):
        print(strange.cut(cluster, proxy).text())


def run_clock(folder, options):
    with Cluster(folder, count=30, database=options.database) as cluster:
        print(strange.jump(cluster).text())
        print(strange.dead_with_a_wrong_clock(cluster).text())


def run_disk(folder, _):
    print(disk.run(folder).text())


def run_bmcs(folder, _):
    print(bmcs.run(folder).text())


PARTS = {'matrix': run_matrix, 'moments': run_moments, 'broker': run_broker, 'database': run_database, 'sleep': run_sleep,
         'cut': run_cut, 'clock': run_clock, 'disk': run_disk, 'bmcs': run_bmcs}


class Cut:
    """(a cluster whose first conductor reaches the database over a Proxy, the Proxy)."""

    def __init__(self, folder, count, database, **options):
        self._proxy = None
        self._cluster = Cluster(folder, count=count, database=database, urls={'c1': self._through}, **options)

    def __enter__(self):
        return self._cluster.__enter__(), self._proxy

    def __exit__(self, *error):
        self._cluster.__exit__(*error)
        self._proxy.stop()

    def _through(self, url):
        url = sa.make_url(url)
        if self._proxy is None:
            self._proxy = Proxy((url.host, url.port))
            self._proxy.start()
        return url.set(port=self._proxy.port).render_as_string(hide_password=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('parts', nargs='*', choices=[*PARTS, []])
    parser.add_argument('--database', choices=['mariadb', 'postgresql'], default='mariadb')
    parser.add_argument('--kills', type=int, default=40)
    parser.add_argument('--seed', type=int)
    parser.add_argument('--deployments', type=int, default=100)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))         # all that was started is ended on the way out
    print(f'## What dies, and what comes of it\n\n`make crash`, {os.cpu_count()} cores, {options.database}.\n', flush=True)
    failed = [name for name in options.parts or PARTS if not succeeds(name, options)]
    if failed:
        print(f'FAILED: {", ".join(failed)}')
    return 1 if failed else 0


def succeeds(name, options):
    """Whether a part came to its end; what went wrong is told."""
    began = time.monotonic()
    print(f'### {name.capitalize()}\n', flush=True)
    with tempfile.TemporaryDirectory(prefix='ingot-crash-', ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        try:
            PARTS[name](folder, options)
        except Exception:
            traceback.print_exc()
            print(f'FAILED after {time.monotonic() - began:.0f} s\n', flush=True)
            return False
    print(f'\nIn {time.monotonic() - began:.0f} s.\n', flush=True)
    return True


if __name__ == '__main__':
    sys.exit(main())
