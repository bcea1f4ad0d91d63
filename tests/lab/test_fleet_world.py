"""Power buttons, timers and connections of simulated machines, at a listener that a test can play with."""

import contextlib
import gc
import http.server
import json
import socket
import threading
import time
import weakref

import pytest

from ingot import concurrency, errors
from ingot.lab.fleet import trouble, work
from ingot.lab.fleet.world import World
from ingot.ramdisk.agent import actions

LONG = 30
OPERATION = 'f615e586-3096-4dfd-8d31-e2dc74c2a7fc'
IMAGE = {'size': 8 << 20, 'chunk_size': 4 << 20, 'extents': [[0, 8 << 20]], 'chunks': ['a' * 64, 'b' * 64]}
WRITE = {'action': 'write image', 'root_device': {}, 'target': {}, 'image': IMAGE}


class Listener(http.server.ThreadingHTTPServer):
    """Answers as the machines' side does; ``calls`` has (path's last word, body); ``gate`` holds answers back."""

    request_queue_size = 512
    daemon_threads = True

    def __init__(self, plan):
        super().__init__(('127.0.0.1', 0), Handler)
        self.plan, self.calls, self.gate = plan, [], threading.Event()
        self.gate.set()
        self.at_once = self.most = 0
        self.lock = threading.Lock()

    def line(self, mac):
        return f'ingot.api=http://127.0.0.1:{self.server_port} ingot.operation={OPERATION} ingot.token={"t" * 43}'

    def said(self, kind):
        return [body for name, body in list(self.calls) if name == kind]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        server, kind = self.server, self.path.rpartition('/')[2]
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        with server.lock:
            server.calls.append((kind, body))
            server.at_once += 1
            server.most = max(server.most, server.at_once)
        server.gate.wait(LONG)
        with server.lock:
            server.at_once -= 1
        answer = {'hello': server.plan, 'events': {'seq': max((one['seq'] for one in body.get('events', [])), default=0)},
                  'report': {'then': server.plan['then']}}[kind]
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header('Content-Length', len(content))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        """Nothing."""


@pytest.fixture
def listener():
    with Listener({'version': 1, 'operation': OPERATION, 'deadline': 1800, 'actions': [WRITE], 'then': 'power off'}) as server:
        concurrency.spawn(server.serve_forever, 0.05)
        yield server
        server.gate.set()
        server.shutdown()


@pytest.fixture
def make_world(listener):
    """A fleet at the listener; its machines' time runs ten times as fast as ours."""
    with contextlib.ExitStack() as stack:
        def make(count=1, **options):
            world = World(count, **{'lines': listener.line, 'pace': 10, **options})
            world.start()
            stack.callback(world.stop)
            return world
        yield make


def reach(world, stage, number=0):
    machine = world.machines[number]
    assert concurrency.wait_for(lambda: machine.stage == stage, LONG), (machine.stage, machine.said)


def test_the_fleet_can_do_what_the_real_agent_can():
    assert work.ACTIONS.keys() == actions.table().keys()


def test_a_life(make_world, listener):
    told = []
    world = make_world(tell=lambda *words: told.append(words))
    world.switch(0, 'on')
    assert concurrency.wait_for(lambda: told, LONG)
    assert told == [(0, 'power off')]
    [hello], [report] = listener.said('hello'), listener.said('report')
    assert hello['macs'] == ['52:54:02:00:00:00']
    assert len(hello['session']) == 43
    assert (report['result'], report['data']['root_disk']['serial']) == ('done', 'FLEET0000000')
    assert world.machines[0].disk.content.is_whole
    world.switch(0, 'on', 'disk')
    reach(world, 'system')
    assert len(listener.said('hello')) == 1


def test_the_same_seed_makes_the_same_life_and_another_boot_another(make_world, listener):
    for seed in (1, 1, 2):
        world = make_world(seed=seed)
        world.switch(0, 'on')
        assert concurrency.wait_for(lambda world=world: world.machines[0].counts['ramdisk'] and not world.machines[0].is_on, LONG)
    world.switch(0, 'on')
    assert concurrency.wait_for(lambda: len(listener.said('hello')) == 4, LONG)
    first, again, other, later = (hello['session'] for hello in listener.said('hello'))
    assert first == again
    assert len({first, other, later}) == 3


def test_a_machine_that_is_switched_off_says_nothing_more(make_world, listener):
    listener.gate.clear()
    world = make_world()
    world.switch(0, 'on')
    assert concurrency.wait_for(lambda: listener.said('hello'), LONG)
    world.switch(0, 'off')
    reach(world, 'off')
    listener.gate.set()
    assert world.ask(lambda: world.machines[0].life) is None
    world.switch(0, 'on')
    assert concurrency.wait_for(lambda: listener.said('report'), LONG)
    assert len(listener.said('hello')) == 2, 'the answer of the former life was for nobody'
    assert world.machines[0].counts[OPERATION, 'call home', 'done'] == 1


def test_of_a_life_that_is_over_nothing_is_kept(make_world, listener):
    """Its timers run for half an hour, and plans are large."""
    listener.gate.clear()
    world = make_world()
    world.switch(0, 'on')
    assert concurrency.wait_for(lambda: listener.said('hello'), LONG)
    life = weakref.ref(world.machines[0].life)
    world.switch(0, 'off')
    listener.gate.set()
    assert concurrency.wait_for(lambda: gc.collect() is None or life() is None, LONG)


def test_a_button_that_was_pressed_has_the_last_word(make_world, listener):
    """The report is out, the conductor switches the machine off and on to its disk, and only then it obeys its own "power off":
    what its BMC says must not change any more."""
    told = []
    world = make_world(tell=lambda *words: told.append(words))

    def press():
        """In the machine's thread, as far as it knows a moment ago."""
        world.machines[0].switch('on')
        threads = [threading.Thread(target=world.switch, args=(0, state)) for state in ('off', 'on')]
        for thread in threads:
            thread.start()
            thread.join()
        world.tell(0, 'power off')
    world.ask(press)
    assert told == []
    assert world.ask(lambda: world.machines[0].stage) == 'firmware'
    world.ask(lambda: world.tell(0, 'power off'))
    assert told == [(0, 'power off')]


def test_who_is_told_may_press_the_button(make_world, listener):
    world = make_world(tell=lambda number, state: world.switch(number, 'on', 'disk'))
    world.switch(0, 'on')
    reach(world, 'system')


def test_a_frozen_machine_comes_back_by_off_and_on_alone(make_world, listener):
    world = make_world(faults=trouble.parse([{'fault': 'dies', 'boots': 1}]))
    world.switch(0, 'on')
    reach(world, 'frozen')
    world.switch(0, 'on')
    world.ask(lambda: None)
    assert world.machines[0].stage == 'frozen'
    assert not world.machines[0].disk.content.is_whole
    world.switch(0, 'cycle')
    assert concurrency.wait_for(lambda: listener.said('report'), LONG)
    assert world.machines[0].counts[OPERATION, 'write image', 'begun'] == 2
    assert world.machines[0].counts[OPERATION, 'write image', 'done'] == 1


def test_a_stuck_action_obeys_the_deadline_of_its_plan(make_world, listener):
    listener.plan['deadline'] = 20
    world = make_world(faults=trouble.parse([{'fault': 'stuck'}]))
    began = time.monotonic()
    world.switch(0, 'on')
    assert concurrency.wait_for(lambda: listener.said('report'), LONG)
    assert time.monotonic() - began > 1.9, '20 of its seconds are 2 of ours'
    assert listener.said('report')[0]['error']['code'] == 'deadline-exceeded'


def test_connections_are_bounded_and_nobody_is_forgotten(make_world, listener):
    listener.gate.clear()
    world = make_world(60, most=20, boot_seconds=0)
    for number in range(60):
        world.switch(number, 'on')
    assert concurrency.wait_for(lambda: listener.at_once == 20, LONG)
    listener.gate.set()
    assert concurrency.wait_for(lambda: len(listener.said('report')) == 60, LONG)
    assert listener.most == 20


def test_a_listener_that_says_nothing_or_nonsense_is_asked_again(make_world, listener):
    with socket.create_server(('127.0.0.1', 0)) as odd:
        words, held = (b'', b'nonsense\r\n\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}', None), []

        def answer():
            for content in words:
                channel, _ = odd.accept()
                if content is None:
                    held.append(channel)       # 15 of its seconds
                    return
                channel.recv(4096)
                channel.sendall(content)
                channel.close()
        concurrency.spawn(answer)
        line = listener.line('x').replace(str(listener.server_port), str(odd.getsockname()[1]))
        world = make_world(lines=lambda mac: line)
        world.switch(0, 'on')
        assert concurrency.wait_for(lambda: held and world.machines[0].life and world.machines[0].life.state.failures == 4, LONG)
        assert 'no answer within 1.5 s' in world.machines[0].said
        held[0].close()


def test_what_a_fleet_cannot_do_is_told(make_world):
    with pytest.raises(errors.Invalid, match='either from boot_url or by lines'):
        World(1)
    world = make_world(2)
    with pytest.raises(errors.Invalid, match='no machine 2; it has 2'):
        world.switch(2, 'on')
    with pytest.raises(errors.Invalid, match='cannot be switched to "sideways"'):
        world.switch(0, 'sideways')
