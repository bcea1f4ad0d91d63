"""Neighbours of network cards: frames as switches send them, and cards that really get them."""

import json
import pathlib
import socket
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.ramdisk.agent import lldp

HEAD = bytes.fromhex('0180c200000e' '001122334455' '88cc')
CHASSIS, PORT, TTL, END = '020704001122334455', '0407' + '05' + b'Eth1/1'.hex(), '06020078', '0000'
FRAME = HEAD + bytes.fromhex(CHASSIS + PORT + TTL + END)
HEARD = [[1, '04001122334455'], [2, '05457468312f31'], [3, '0078']]
PACKAGE = pathlib.Path(lldp.__file__).parents[3]


def test_a_frame():
    assert lldp.tlvs(FRAME) == HEARD
    assert lldp.tlvs(FRAME + b'\x12' * 20) == HEARD, 'nothing counts behind the end'


@pytest.mark.parametrize(('frame', 'found'), [
    (b'', []), (HEAD, []), (FRAME[:-8], HEARD[:1]), (HEAD[:12] + b'\x08\x00' + FRAME[14:], []),
    (HEAD + b'\x02\x07\x04', []), (HEAD + b'\x00\x00' + FRAME[14:], [])])
def test_frames_that_are_cut_short_or_no_lldp(frame, found):
    assert lldp.tlvs(frame) == found


@given(st.binary(max_size=3000))
def test_any_frame_comes_to_an_end(rest):
    assert len(lldp.tlvs(HEAD + rest)) <= lldp._MOST


def test_each_card_gets_its_own_and_none_waits_for_another(monkeypatch):
    ends = {name: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for name in ('eth0', 'eth1', 'eth2')}

    def opened(name):
        if name not in ends:
            raise OSError('no such card')
        return ends[name][0]
    monkeypatch.setattr(lldp, '_open', opened)
    ends['eth0'][1].send(FRAME)
    ends['eth1'][1].send(b'no lldp')
    ends['eth1'][1].send(FRAME)
    assert lldp.listen(['eth0', 'eth1', 'eth2', 'eth9'], 0.3) == {'eth0': HEARD, 'eth1': HEARD}
    for _, far in ends.values():
        far.close()


def test_who_has_heard_all_of_them_listens_no_longer(monkeypatch):
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    monkeypatch.setattr(lldp, '_open', lambda name: near)
    far.send(FRAME)
    started = time.monotonic()
    assert lldp.listen(['eth0'], 120) == {'eth0': HEARD}
    assert time.monotonic() - started < 60
    far.close()


_REAL = '''
import json, subprocess, sys, threading, time, socket
sys.path.insert(0, sys.argv[1])
from ingot.ramdisk.agent import lldp
subprocess.run('ip link add v0 type veth peer name v1 && ip link set v1 up', shell=True, check=True)
channel = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
channel.bind(('v1', 0x88CC))
done = threading.Event()
def speak():
    while not done.wait(0.05):
        try:
            channel.send(bytes.fromhex(sys.argv[2]))
        except OSError:            # the other end is not up yet
            pass
speaker = threading.Thread(target=speak)
speaker.start()
heard = lldp.listen(['v0', 'nosuch'], 20 if sys.argv[3] == 'hear' else 0.5)
done.set()
speaker.join()
print(json.dumps(heard))
'''


@pytest.mark.skipif(subprocess.run(['unshare', '-n', 'true'], check=False, stderr=subprocess.DEVNULL).returncode != 0,
                    reason='no network of its own without root')
def test_a_card_of_the_kernel_hears_its_neighbour_and_not_what_else_comes():
    def run(frame, what):
        done = subprocess.run(['unshare', '-n', sys.executable, '-c', _REAL, str(PACKAGE), frame.hex(), what],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    assert run(FRAME, 'hear') == {'v0': HEARD}
    assert run(FRAME[:12] + b'\x08\x00' + FRAME[14:], 'other') == {}
