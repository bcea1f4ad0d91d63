"""Load on an HTTP API: many clients in one asyncio loop, which costs little beside the servers.

What a server costs is read from /proc: CPU time of its process and of all its children.
"""

import asyncio
import os
import pathlib
import time

_TICK = os.sysconf('SC_CLK_TCK')
_HEAD = ('Host: 127.0.0.1\r\nX-OpenStack-Ironic-API-Version: 1.81\r\nContent-Type: application/json\r\n'
         'Accept: application/json\r\n')


class Connection:
    """One connection to ``port`` of this machine; opened again when the server has closed it."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def ask(self, method, path, body=b''):
        """(status, body) of one request."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection('127.0.0.1', self.port, limit=1 << 24)
        self.writer.write(f'{method} {path} HTTP/1.1\r\n{_HEAD}Content-Length: {len(body)}\r\n\r\n'.encode() + body)
        try:
            head = (await self.reader.readuntil(b'\r\n\r\n')).decode('latin-1').lower()
            status = int(head[9:12])
            content = b'' if status == 204 else await self._body(head)
        except asyncio.IncompleteReadError:
            self.close()
            return await self.ask(method, path, body)
        if 'connection: close' in head:
            self.close()
        return status, content

    async def _body(self, head):
        if 'transfer-encoding: chunked' not in head:
            return await self.reader.readexactly(int(head.partition('content-length:')[2].partition('\r')[0]))
        parts = []
        while size := int(await self.reader.readline(), 16):
            parts.append(await self.reader.readexactly(size))
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return b''.join(parts)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


def processes(pid):
    """``pid`` and all that descend from it."""
    found = [pid]
    for one in found:
        for task in pathlib.Path(f'/proc/{one}/task').glob('*/children'):
            found += [int(child) for child in task.read_text().split()]
    return found


def cpu(pid):
    """Seconds of CPU time that the process and its children have used."""
    total = 0
    for one in processes(pid):
        fields = pathlib.Path(f'/proc/{one}/stat').read_text().rpartition(')')[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICK


def measure(port, pid, requests, clients, seconds=None):
    """(CPU ms of the server a request, requests a second, the answers).

    ``requests``: an iterator of (method, path, body, expected status), shared by all clients; ends after ``seconds``
    or with the iterator. Raises RuntimeError with the first answer that has another status.
    """
    return asyncio.run(_measure(port, pid, iter(requests), clients, seconds))


async def _measure(port, pid, requests, clients, seconds):
    answers, end = [], time.monotonic() + (seconds or 3600)

    async def work():
        connection = Connection(port)
        for method, path, body, expected in requests:
            status, content = await connection.ask(method, path, body)
            if status != expected:
                raise RuntimeError(f'{method} {path}: {status} instead of {expected}: {content[:500]!r}')
            answers.append(content if method == 'POST' else len(content))
            if time.monotonic() > end:
                break
        connection.close()
    used, began = cpu(pid), time.monotonic()
    await asyncio.gather(*(work() for _ in range(clients)))
    wall = time.monotonic() - began
    return (cpu(pid) - used) * 1000 / len(answers), len(answers) / wall, answers
