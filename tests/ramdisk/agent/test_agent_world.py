"""The agent against a real HTTP server that loses, refuses and repeats."""

import http.server
import json
import socket
import threading

import pytest
from agent_bench import GIB, LINE, MIB, TARGET, FakeSession, add_disk, fill, make_image

from ingot.ramdisk.agent import actions, api, core, kernel_line
from ingot.ramdisk.agent.errors import AgentError
from ingot.ramdisk.agent.world import World

SECONDS = 60


class Server(http.server.ThreadingHTTPServer):
    """``script(verb, count, body)``, when it answers, replaces the usual: (status, body), or 'lose' after doing the work,
    'reset' before it, 'half' for half an answer."""

    daemon_threads = True

    def __init__(self, plan, script=lambda *_: None):
        super().__init__(('127.0.0.1', 0), Handler)
        self.plan, self.script = plan, script
        self.calls, self.events, self.report, self.session = {}, [], None, None
        self.seen = []
        self.thread = threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
        self.thread.start()

    def answer(self, verb, body, authorization):
        if verb == 'hello':
            self.session = self.session or body['session']
            return (200, self.plan) if body['session'] == self.session and body['token'] == 'tok' else (401, {})
        if authorization != f'Bearer {self.session}':
            return 401, {}
        if verb == 'report':
            self.report = self.report or body
            return 200, {'then': 'reboot'}
        highest = max((event['seq'] for event in self.events), default=0)
        self.events += [event for event in body['events'] if event['seq'] > highest]
        return 200, {'seq': max(highest, body['events'][-1]['seq'])}

    def phases(self):
        return [event['data']['phase'] for event in self.events if event['kind'] == 'phase']


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_POST(self):
        server, verb = self.server, self.path.rpartition('/')[2]
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        server.calls[verb] = server.calls.get(verb, 0) + 1
        server.seen.append((self.path, self.headers['Authorization']))
        trick = server.script(verb, server.calls[verb], body)
        self.close_connection = True
        if trick == 'reset':
            return
        status, answer = trick if isinstance(trick, tuple) else server.answer(verb, body, self.headers['Authorization'])
        if trick == 'lose':
            return
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content[:len(content) // 2] if trick == 'half' else content)


@pytest.fixture
def serve(monkeypatch):
    """Start a Server; back-off and pace are a hundred times faster than on a machine."""
    monkeypatch.setattr(core, 'back_off', lambda failures: 0.005 * min(failures, 10))
    monkeypatch.setattr(core, '_PACE_SECONDS', 0.005)
    monkeypatch.setattr(core, '_REFUSED_SECONDS', 0.01)
    servers = []

    def start(*args):
        servers.append(Server(*args))
        return servers[-1]
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def plan(*steps, deadline=SECONDS):
    return {'version': 1, 'operation': 'op-1', 'node': 'n', 'deadline': deadline, 'then': 'power off',
            'actions': [{'action': 'inventory'}] if not steps else list(steps)}


def live(server, machine, table=None, session=None, url=None):
    """(how it ended, console lines); a machine that does not end fails the test."""
    line = kernel_line.parse(LINE)._replace(api=url or f'http://127.0.0.1:{server.server_address[1]}')
    table = table or actions.table()
    said, ended = [], []
    world = World(machine, line, table, lambda target: session, say=said.append)
    who = core.Identity('op-1', 'tok', 'ses', 'boot', (), frozenset(table))
    thread = threading.Thread(target=lambda: ended.append(world.run(core.begin(who))), daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert ended, f'the agent did not end: {said}'
    return ended[0], said


def test_a_whole_life(serve, machine, tmp_path):
    disk = add_disk(machine, 'vda', 5 * GIB, serial='ROOT')
    fill(disk)
    image = make_image(tmp_path / 'image', 3 * MIB, [(0, 4096), (2 * MIB, 4096)], chunk_size=MIB)
    steps = [{'action': 'inventory'}, {'action': 'erase metadata', 'root_device': None},
             {'action': 'write image', 'root_device': {'serial': 'ROOT'}, 'target': TARGET, 'image': image}]
    server = serve(plan(*steps))
    ended, said = live(server, machine, session=FakeSession(tmp_path / 'image'))
    assert ended == 'reboot'
    assert server.report['result'] == 'done'
    assert set(server.report['data']['timings']) == {'inventory', 'erase metadata', 'write image'}
    assert server.report['data']['root_disk']['serial'] == 'ROOT'
    assert server.phases() == ['inventory', 'erase metadata', 'write image', 'verify image']
    assert {text for text in said} >= {'inventory', 'write image', 'done'}
    with open(disk, 'rb') as file:
        assert file.read(3 * MIB) == (tmp_path / 'image').read_bytes()
    assert server.seen[0] == ('/v1/agent/op-1/hello', None)
    assert {word for _, word in server.seen[1:]} == {'Bearer ses'}


def trouble(verb, count, _):
    """The first six calls of each kind go wrong, each in its own way."""
    return [None, 'reset', 'lose', 'half', (500, {'error': 'no'}), (503, {}), 'lose'][count] if count < 7 else None


def test_an_api_that_loses_and_refuses(serve, machine):
    server = serve(plan(), trouble)
    ended, said = live(server, machine)
    assert (ended, server.report['result']) == ('reboot', 'done')
    assert 'inventory' in server.report['data']
    assert server.calls['hello'] == 7
    assert server.calls['report'] >= 7
    assert any('again in' in text for text in said)


def test_a_wrong_token(serve, machine):
    server = serve(plan(), lambda verb, *_: (401, {}))
    ended, said = live(server, machine)
    assert (ended, server.calls) == ('power off', {'hello': 1})
    assert 'refused the token' in said[-1]


@pytest.mark.parametrize('verb', ['hello', 'events', 'report'])
def test_an_operation_that_is_over(serve, machine, verb):
    server = serve(plan(), lambda said, *_: (410, {}) if said == verb else None)
    assert live(server, machine)[0] == 'power off'


class Waiting:
    """An action that works until it is told to stop; ``was_stopped`` once it was."""

    was_stopped = False

    def __call__(self, action, job):
        job.log('waiting')
        self.was_stopped = job.is_stopping.wait(SECONDS / 4)
        job.check()


def test_an_abort_reaches_a_running_action(serve, machine):
    server = serve(plan(), lambda verb, *_: (410, {}) if verb == 'events' else None)
    action = Waiting()
    ended, _ = live(server, machine, {'inventory': action})
    assert ended == 'power off'
    assert action.was_stopped
    assert server.report is None


def test_the_deadline_is_reported(serve, machine):
    server = serve(plan(deadline=0.2))
    live(server, machine, {'inventory': Waiting()})
    assert server.report['error']['code'] == 'deadline-exceeded'
    assert server.report['error']['action'] == 'inventory'


def test_a_failure_is_reported_with_its_remedy(serve, machine):
    def fail(action, job):
        raise AgentError('disk-error', 'sda is broken', 'replace it')
    server = serve(plan())
    live(server, machine, {'inventory': fail})
    assert server.report['error'] == {'code': 'disk-error', 'action': 'inventory', 'message': 'sda is broken',
                                      'remedy': 'replace it'}


def test_a_fault_of_the_agent_is_reported_too(serve, machine, capsys):
    server = serve(plan({'action': 'write configdrive'}))
    live(server, machine, {'write configdrive': lambda action, job: action['iso']})
    assert (server.report['error']['code'], server.report['error']['message']) == ('internal', "KeyError: 'iso'")
    assert 'Traceback' in capsys.readouterr().err


def test_nobody_listens():
    with socket.socket() as held:      # bound, but not listening: nobody else can take the port meanwhile
        held.bind(('127.0.0.1', 0))
        with pytest.raises(OSError, match='refused'):
            api.post(f'http://127.0.0.1:{held.getsockname()[1]}', '/v1/agent/x/hello', {})


@pytest.mark.parametrize(('base', 'parts'), [
    ('http://10.0.0.1:6386', ('10.0.0.1', 6386, '')), ('http://api', ('api', 80, '')),
    ('http://api/ingot/', ('api', 80, '/ingot')), ('http://[fd00::1]:80', ('[fd00::1]', 80, ''))])
def test_base_urls(base, parts):
    assert api.parse(base) == parts


@pytest.mark.parametrize('base', ['https://api', 'api:80', ''])
def test_urls_that_are_none(base):
    with pytest.raises(ValueError, match='is not an http URL'):
        api.parse(base)


@pytest.mark.parametrize('answer', [b'', b'HTTP/1.1 200 OK\r\n', b'nonsense\r\n\r\n{}',
                                    b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a"'])
def test_answers_that_are_none(answer):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def reply():
            channel, _ = listener.accept()
            with channel:
                channel.recv(65536)
                channel.sendall(answer)
        threading.Thread(target=reply, daemon=True).start()
        with pytest.raises(ValueError, match=r'too early|no HTTP'):
            api.post(f'http://127.0.0.1:{listener.getsockname()[1]}', '/x', {})
