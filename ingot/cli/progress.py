"""Progress of machines on a terminal: one line a machine, fed by the change feed."""

import sys
import time

MIB = 1 << 20


class Line:
    """What one machine is doing, as the feed tells it."""

    def __init__(self, name):
        self.name, self.state, self.phase = name, '', ''
        self.done = self.total = self.rate = 0
        self.marks = []                    # [(phase or step, seconds since the start at which it began)]

    def take(self, event, at):
        """Take in one event of this machine, seen ``at`` seconds after the start."""
        data = event['data']
        match event['kind']:
            case 'provision_state':
                self.state, self.phase = data['to'], ''
            case 'step':
                self._enter(data['step'], at)
            case 'agent.phase':
                self._enter(data['phase'], at)
            case 'agent.progress':
                self.phase = data['phase']
                self.done, self.total, self.rate = data['done'], data['total'], data['rate']

    def _enter(self, phase, at):
        self.phase, self.done, self.total, self.rate = phase, 0, 0, 0
        self.marks.append((phase, at))

    def __str__(self):
        text = f'{self.name:<12} {self.state:<15} {self.phase:<20}'
        if self.total:
            left = (self.total - self.done) / self.rate if self.rate else 0
            text += f'{bar(self.done / self.total)} {self.done / MIB:6.0f} of {self.total / MIB:.0f} MB ' \
                    f'{self.rate / MIB:5.0f} MB/s {left:4.0f} s left'
        return text.rstrip()


def bar(fraction, width=20):
    full = round(min(max(fraction, 0), 1) * width)
    return f'[{"#" * full}{"." * (width - full)}]'


class Display:
    """Draws lines in place on a terminal; elsewhere prints a line whenever a machine enters something new."""

    def __init__(self, names, *, stream=sys.stdout):
        self._lines = {key: Line(name) for key, name in names.items()}
        self._stream, self._shown, self._drawn = stream, {}, 0
        self._is_terminal = stream.isatty()
        self._began = time.monotonic()

    def seconds(self):
        """Seconds since the display was made."""
        return time.monotonic() - self._began

    def line(self, key):
        return self._lines[key]

    def take(self, event):
        """Take in an event; those of other machines are ignored."""
        if event['node'] in self._lines:
            self._lines[event['node']].take(event, self.seconds())

    def draw(self):
        if self._is_terminal:
            up = f'\x1b[{self._drawn}A' if self._drawn else ''
            self._stream.write(up + ''.join(f'\x1b[2K{line}\n' for line in self._lines.values()))
            self._drawn = len(self._lines)
        else:
            for key, line in self._lines.items():
                now = (line.state, line.phase, bool(line.total))
                if self._shown.get(key) != now:
                    self._shown[key] = now
                    self._stream.write(f'{self.seconds():6.1f} s  {line}\n')
        self._stream.flush()
