"""What a machine's iPXE does with the scripts of a boot server; pure.

``follow`` carries out as much of the language as our scripts use, so that a fleet finds the faults of a script as machines
would. Commands of a line are joined by ``&&`` and ``||``; a line that fails ends the script. Source: ipxe.org/cmd,
ipxe.org/scripting.
"""

import re
import urllib.parse
from typing import NamedTuple

from ingot import errors

_SETTING = re.compile(r'\$\{([^${}]*)\}')
_MOST = 10_000        # commands of one boot; a script that needs more runs in a circle


class Fetch(NamedTuple):
    """Get ``url``; the answer is its text, or None when it cannot be had. Of files only the beginning is of interest."""

    url: str
    is_file: bool


class Pause(NamedTuple):
    seconds: float


class _Leave(Exception):
    """The script is over: ``line`` is what the kernel is started with; None: on to the next boot device."""

    def __init__(self, line):
        super().__init__()
        self.line = line


def follow(url, settings):
    """A generator of Fetch and Pause that returns the line of the kernel that is started, or None when none is.

    :param settings: what the firmware knows: {'net0/mac': ..., 'netX/ip': ...}. Invalid for a command that no script of ours
        has, a label that is missing, a script without an end.
    """
    firmware = _Firmware(settings)
    text = yield Fetch(url, is_file=False)
    try:
        while text is not None:
            text = yield from firmware.run(url, text)
            url = firmware.url
    except _Leave as end:
        return end.line
    return None


class _Firmware:
    def __init__(self, settings):
        self.settings, self.kernel, self.url, self.count = dict(settings), None, None, 0

    def run(self, url, text):
        """Carry a script out; returns the text of the one that it chains to, or None at its end."""
        self.url, self.lines, self.at = url, text.splitlines(), 0
        while self.at < len(self.lines):
            line, self.at = self.lines[self.at].strip(), self.at + 1
            if not line or line.startswith(('#', ':')):
                continue
            chained = yield from self._line(line)
            if chained is not None:
                return chained
        return None

    def _line(self, line):
        """Carry one line out; the text of a script that takes this one's place, or None."""
        is_good, joint = True, ';'
        for part in re.split(r'(\|\||&&)', line):
            if part in ('||', '&&'):
                joint = part
                continue
            if (joint == '||') is not is_good:
                is_good = yield from self._command(self._expand(part).split())
                if isinstance(is_good, str):
                    return is_good
        if not is_good:
            raise _Leave(None)
        return None

    def _command(self, words):
        """Whether a command succeeds; a text instead is that of the script to go on with."""
        self.count += 1
        if self.count > _MOST:
            raise errors.Invalid(f'The script {self.url} has no end: {_MOST} commands were carried out.')
        if not words:
            return True
        carry_out = getattr(self, f'_do_{words[0]}', None)
        if carry_out is None:
            raise errors.Invalid(f'The script {self.url} has the command "{words[0]}", which is not known here.')
        found = carry_out(words[1:])
        return (yield from found) if hasattr(found, 'send') else found

    def _expand(self, text):
        """``text`` with its settings filled in, the innermost first; one that is not set is nothing."""
        while (match := _SETTING.search(text)) is not None:
            text = text[:match.start()] + self._value(match[1]) + text[match.end():]
        return text

    def _value(self, name):
        name, _, kind = name.partition(':')
        value = str(self.settings.get(name, ''))
        return value.replace(':', '-') if kind == 'hexhyp' else value

    def _fetch(self, words, *, is_file):
        """The text at the first of ``words`` that is no option, relative to this script, or None."""
        url = urllib.parse.urljoin(self.url, _plain(words)[0])
        return (yield Fetch(url, is_file)), url

    def _do_chain(self, words):
        text, url = yield from self._fetch(words, is_file=False)
        self.url = url if text is not None else self.url
        return False if text is None else text

    def _do_imgfetch(self, words):
        text, _ = yield from self._fetch(words, is_file=False)
        return text is not None

    def _do_kernel(self, words):
        text, url = yield from self._fetch(words, is_file=True)
        self.kernel = ' '.join([url, *_plain(words)[1:]])
        return text is not None

    def _do_initrd(self, words):
        text, _ = yield from self._fetch(words, is_file=True)
        return text is not None

    def _do_sleep(self, words):
        yield Pause(float(words[0]))
        return True

    def _do_boot(self, words):
        if self.kernel is None:
            return False
        raise _Leave(self.kernel)

    def _do_exit(self, words):
        raise _Leave(None)

    def _do_goto(self, words):
        label = f':{words[0]}'
        if label not in self.lines:
            raise errors.Invalid(f'The script {self.url} has no label "{label}".')
        self.at = self.lines.index(label) + 1
        return True

    def _do_set(self, words):
        self.settings[words[0].partition(':')[0]] = ' '.join(words[1:])
        return True

    def _do_clear(self, words):
        self.settings.pop(words[0], None)
        return True

    def _do_inc(self, words):
        self.settings[words[0]] = int(self.settings.get(words[0], 0)) + 1
        return True

    def _do_isset(self, words):
        return bool(words)

    def _do_iseq(self, words):
        return len(words) == 2 and words[0] == words[1]

    def _do_echo(self, words):
        return True

    def _do_imgfree(self, words):
        self.kernel = None
        return True


def _plain(words):
    """``words`` without options; --name has a value."""
    rest, words = [], list(words)
    while words:
        word = words.pop(0)
        if word == '--name':
            words.pop(0)
        elif not word.startswith('--'):
            rest.append(word)
    return rest
