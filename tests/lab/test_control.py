"""Words to a lab, also in folders with names longer than a Unix socket may have; and the terminal on a console."""

import os
import pty
import socket

import pytest

from ingot import concurrency, errors
from ingot.lab import console, control


@pytest.fixture
def folder(tmp_path):
    deep = tmp_path / ('x' * 120)
    deep.mkdir()
    return deep


def test_answers_and_errors_come_back_as_they_were_given(folder):
    def fail(why):
        raise errors.Conflict(why, remedy='Wait.')

    control.ControlServer(folder / 'control.sock', {'add': lambda a, b: a + b, 'fail': fail, 'crash': lambda: 1 / 0}).start()
    path = folder / 'control.sock'
    assert control.ask(path, 'add', a=1, b=[2][0]) == 3
    with pytest.raises(errors.Conflict, match='busy') as caught:
        control.ask(path, 'fail', why='busy')
    assert caught.value.remedy == 'Wait.'
    for verb, arguments in (('nothing', {}), ('add', {'a': 1}), ('add', {'a': 1, 'b': 'x'})):
        with pytest.raises(errors.Invalid, match='does not understand'):
            control.ask(path, verb, **arguments)
    with pytest.raises(errors.IngotError, match='division'):
        control.ask(path, 'crash')
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_nobody_there(tmp_path):
    with pytest.raises(errors.NotFound, match='No lab listens'):
        control.ask(tmp_path / 'control.sock', 'status')


@pytest.fixture
def terminal(folder):
    """(what is typed into, what is shown on, the machine's side, attach's thread)."""
    listener = socket.socket(socket.AF_UNIX)
    handle = os.open(folder, os.O_PATH)
    listener.bind(f'/proc/self/fd/{handle}/console.sock')
    os.close(handle)
    listener.listen(1)
    keys, keyboard = pty.openpty()
    shown, screen = os.pipe()
    thread = concurrency.spawn(console.attach, folder / 'console.sock', keyboard=keyboard, screen=screen)
    machine, _ = listener.accept()
    machine.settimeout(20)
    yield keys, shown, machine, thread
    for channel in (machine, listener):
        channel.close()
    thread.join(20)
    for number in (keys, keyboard, shown, screen):
        os.close(number)


def test_a_terminal_shows_the_machine_and_types_to_it_until_it_leaves(terminal):
    keys, shown, machine, thread = terminal
    machine.sendall(b'login: ')
    assert os.read(shown, 100) == b'login: '
    os.write(keys, b'root\x03')
    assert machine.recv(100) == b'root\x03'        # Ctrl-C is the machine's
    os.write(keys, b'last\x1dnever')
    assert machine.recv(100) == b'last'
    thread.join(20)
    assert not thread.is_alive()


def test_a_terminal_ends_with_the_machine(terminal):
    *_, machine, thread = terminal
    machine.close()
    thread.join(20)
    assert not thread.is_alive()
