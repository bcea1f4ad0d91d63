"""What the kernel line tells the agent; pure. The words are those of docs/agent-protocol.md."""

from typing import NamedTuple


class KernelLine(NamedTuple):
    api: str                  # base URL without a slash at its end
    operation: str
    token: str
    mac: str | None           # lower case
    ip: str | None
    netmask: str | None
    gateway: str | None
    is_measuring: bool        # ingot.measure=1: measure the disk's own limit before writing


def parse(text):
    """The KernelLine in ``text`` (/proc/cmdline); ValueError names the words that are missing.

    Words of others are ignored; the last of several equal words wins, as it does for the kernel.
    """
    words = dict(word.partition('=')[::2] for word in text.split() if word.startswith('ingot.'))
    missing = [name for name in ('ingot.api', 'ingot.operation', 'ingot.token') if not words.get(name)]
    if missing:
        raise ValueError(f'the kernel line lacks {", ".join(missing)}')
    ip, _, netmask = words.get('ingot.ip', '').partition('/')
    return KernelLine(api=words['ingot.api'].rstrip('/'), operation=words['ingot.operation'],
                      token=words['ingot.token'], mac=words.get('ingot.mac', '').lower() or None, ip=ip or None,
                      netmask=netmask or None, gateway=words.get('ingot.gateway') or None,
                      is_measuring=words.get('ingot.measure') == '1')
