"""Runs the commands of a page in one shell, in order, and holds what they print against what the page says they print.

A command stands in an indented block behind ``$``, and goes on in the next line after a backslash, or up to the end of its here
document. What follows it is what it prints: ``...`` stands for any text, a line of it alone for any lines; what differs from run
to run (uuids, times, addresses of cards, digests) is compared by its shape. One that is meant to fail says so: ``|| echo``.
"""

import os
import re
import signal
import subprocess
import threading
from typing import NamedTuple

_BLOCK = re.compile(r'(?:^    .*\n|^\n(?=    ))+', re.MULTILINE)
_HERE = re.compile(r"<<'?(\w+)'?")
_SHAPES = ((re.compile(r'\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b'), 'UUID'),
           (re.compile(r'\b[0-9a-f]{8}-\.\.\.'), 'UUID'), (re.compile(r'\b52:54(?::[0-9a-f]{2}){4}\b'), 'MAC'),
           (re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?'), 'TIME'),
           (re.compile(r'\b\d+\.\d+ s\b'), 'SECONDS'), (re.compile(r'\b[0-9a-f]{64}\b'), 'DIGEST'), (re.compile(r'[ \t]+'), ' '))



class Command(NamedTuple):
    """A command of the page, the line it stands in, and what it is to print."""

    number: int
    text: str
    expected: list


def read(page):
    """The Commands of a page, in order."""
    found = []
    for block in _BLOCK.finditer(page):
        number, lines = page.count('\n', 0, block.start()) + 1, block[0].splitlines()
        while lines:
            line, at = lines.pop(0)[4:], number
            number += 1
            if not line.startswith('$ '):
                if found:
                    found[-1].expected.append(line)
                continue
            text, end = [line[2:]], None
            while lines and (text[-1].endswith('\\') or ((end := end or _marker(text[0])) and text[-1] != end)):
                text.append(lines.pop(0)[4:])
                number += 1
            found.append(Command(at, '\n'.join(text), []))
    return found


def _marker(text):
    found = _HERE.search(text)
    return found and found[1]


def pattern(expected):
    """The regular expression of what a command prints."""
    lines = [shape(line) for line in expected]
    while lines and not lines[-1]:
        lines.pop()
    parts = [r'(?:.*\n)*?' if line == '...' else '.*'.join(map(re.escape, line.split('...'))) + r'\n' for line in lines]
    return re.compile(''.join(parts))


def shape(line):
    """A line without what differs from run to run."""
    line = line.rstrip()
    for found, word in _SHAPES:
        line = found.sub(word, line)
    return line.strip()


class Shell:
    """One bash: variables and background processes stay from command to command. ``end`` kills what it began."""

    def __init__(self, **environment):
        self._bash = subprocess.Popen(['bash', '--norc', '--noprofile'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, bufsize=1, start_new_session=True,
                                      env={**os.environ, **environment})

    def run(self, text, seconds):
        """(exit status, what was printed); what takes longer than ``seconds`` is killed, and its shell with it."""
        clock = threading.Timer(seconds, self.end)
        clock.start()
        self._bash.stdin.write(f'{text}\nprintf "\\n@@ %s\\n" $?\n')
        lines = []
        for line in self._bash.stdout:
            if line.startswith('@@ '):
                clock.cancel()
                return int(line[3:]), ''.join(lines)[:-1]
            lines.append(line)
        return None, ''.join(lines)

    def end(self):
        if self._bash.poll() is None:
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()


def follow(page, shell, seconds):
    """Carry a page out; AssertionError tells the line, the command, what was expected and what came."""
    commands = read(page)
    assert commands, 'the page has no command'
    for command in commands:
        status, printed = shell.run(command.text, seconds)
        where = f'line {command.number}: {command.text}\nprinted:\n{printed}'
        assert status == 0, f'{where}\nstatus {status}'
        seen = '\n'.join([*filter(None, map(shape, printed.splitlines())), ''])
        wanted = [line for line in command.expected if line.strip()]
        assert pattern(wanted).fullmatch(seen.lstrip()), f'{where}\nexpected:\n' + '\n'.join(wanted)
    return commands
