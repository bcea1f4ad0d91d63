"""``make differential``: the same requests to Ironic 39.0.0 and to Ingot; their answers must be equal, or differ as is meant.

    python -m tests.differential.run [--ironic URL --ingot URL] [words in names of files of the corpus]

Ends with the number of requests, how many were answered equally, and each difference that nobody meant; status 1 if there is one,
or if a meant one is seen no more.
"""

import argparse
import collections
import contextlib
import itertools
import pathlib
import sys
import tempfile

from tests.bench import peer
from tests.clients import serve
from tests.differential import compare, corpus, differences
from tests.differential.side import Side


class Report:
    """Counts, and lines of difference with the versions they were seen in."""

    def __init__(self):
        self.asked = self.equal = self.meant = 0
        self.seen = set()
        self.unmeant = collections.defaultdict(list)      # {(file, request without version, line): [version]}

    def take(self, where, request, lines):
        self.asked += 1
        self.equal += not lines
        left = [line for line in lines if not self._is_meant(request, line)]
        self.meant += bool(lines) and not left
        for line in left:
            self.unmeant[where, str(request).partition(' ')[2], line].append(request.version)

    def _is_meant(self, request, line):
        found = [one for one in differences.MEANT if one.explains(request, line)]
        self.seen.update(found)
        return bool(found)

    def show(self, *, is_whole):
        """Print it all; the exit status."""
        for (where, request), group in itertools.groupby(self.unmeant.items(), lambda item: item[0][:2]):
            print(f'\n{where}: {request}')
            for (_, _, line), versions in group:
                print(f'    {_range(versions)}  {line}')
        stale = [one.what for one in differences.MEANT if one.is_constant and one not in self.seen] if is_whole else []
        for what in stale:
            print(f'\nMeant, but seen no more: {what}')
        failed = self.asked - self.equal - self.meant
        print(f'\n{self.asked} requests: {self.equal} answered equally, {self.meant} with differences that are meant, '
              f'{failed} with others.')
        return 1 if self.unmeant or stale else 0


def _range(versions):
    return versions[0] if len(versions) == 1 else f'{versions[0]}..{versions[-1]} ({len(versions)})'


def replay(path, ironic, ingot, report):
    """Send one file to both."""
    for step in corpus.read(path):
        if isinstance(step, corpus.Wait):
            trouble = [f'{name}: {words}' for name, side in (('Ironic', ironic), ('Ingot', ingot)) if (words := side.wait(step))]
            if trouble:
                report.unmeant[path.stem, 'is cut short', '; '.join(trouble)].append('-')
                break
        else:
            theirs, ours = ironic.ask(step), ingot.ask(step)
            report.take(path.stem, step, compare.answers(theirs, ours))
            if theirs.status != ours.status and 201 in (theirs.status, ours.status):
                (ironic if theirs.status == 201 else ingot).tidy(-1)       # what only one has made would show up everywhere
    for side in (ironic, ingot):
        side.tidy()
        side.names.clear()


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--ironic', help='URL of one that runs already; its interfaces must be as tests/bench/peer.py has them')
    parser.add_argument('--ingot', help='URL of one that runs already')
    parser.add_argument('words', nargs='*')
    options = parser.parse_args(words)
    report = Report()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='ingot-differential-')))
        ironic, ingot = (Side(url) for url in _servers(stack, folder, options))
        for path in corpus.files(options.words):
            replay(path, ironic, ingot, report)
    return report.show(is_whole=not options.words)


def _servers(stack, folder, options):
    """The URLs of both; those that are not given are started."""
    for name in ('ironic', 'ingot'):
        (folder / name).mkdir()
    ironic, ingot = options.ironic, options.ingot
    if not ironic:
        ironic = f'http://127.0.0.1:{stack.enter_context(peer.ironic(folder / "ironic"))[0]}'
    if not ingot:
        ingot = stack.enter_context(serve.ingot(folder / 'ingot', host='127.0.0.1',
                                              conductor__enabled_drivers='fake-hardware'))[0]
    return ironic, ingot


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
