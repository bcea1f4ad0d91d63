"""Machines follow the scripts of the boot server as iPXE does: those that Ingot writes, and faults in them."""

import pytest

from ingot import errors
from ingot.drivers.pxe import script
from ingot.lab.fleet import ipxe

BASE = 'http://boot:6387'
MAC = '52:54:02:00:00:07'
RECORD = f'{BASE}/boot/52-54-02-00-00-07.ipxe'
SETTINGS = {'net0/mac': MAC, 'netX/mac': MAC}


def walk(files, settings=SETTINGS, most=200):
    """(kernel line or None, what was fetched, seconds of pauses); ``files`` are {url: text}, or a function of the URL."""
    look = files if callable(files) else files.get
    walker, answer, fetched, slept = ipxe.follow(f'{BASE}/boot.ipxe', settings), None, [], 0
    for _ in range(most):
        try:
            wish = walker.send(answer)
        except StopIteration as end:
            return end.value, fetched, slept
        if isinstance(wish, ipxe.Pause):
            answer, slept = None, slept + wish.seconds
        else:
            fetched.append(wish.url)
            answer = look(wish.url)
    raise AssertionError(f'no end after {most} wishes: {fetched[-3:]}')


def site(**files):
    """What a boot server has with a record for our machine."""
    record = script.record('node x', '../files/k/kernel?mac=a', '../files/r/initrd?mac=a', 'console=ttyS0 ingot.api=http://a:1')
    return {f'{BASE}/boot.ipxe': script.ENTRY, f'{BASE}/boot/none.ipxe': script.NONE, RECORD: record,
            f'{BASE}/files/k/kernel?mac=a': 'K', f'{BASE}/files/r/initrd?mac=a': 'R', **files}


def test_a_record_starts_its_kernel_with_its_words():
    line, fetched, slept = walk(site())
    assert line.split() == [f'{BASE}/files/k/kernel?mac=a', 'console=ttyS0', 'ingot.api=http://a:1', f'ingot.mac={MAC}',
                            'initrd=initrd']
    assert fetched == [f'{BASE}/boot.ipxe', RECORD, f'{BASE}/files/k/kernel?mac=a', f'{BASE}/files/r/initrd?mac=a']
    assert slept == 0


def test_the_address_that_it_got_is_on_the_kernel_line():
    line, *_ = walk(site(), SETTINGS | {'netX/ip': '10.0.0.7', 'netX/netmask': '255.0.0.0', 'netX/gateway': '10.0.0.1'})
    assert 'ingot.ip=10.0.0.7/255.0.0.0 ingot.gateway=10.0.0.1' in line


def test_the_record_of_the_second_card_is_found():
    line, fetched, _ = walk(site(), {'net0/mac': '52:54:02:ff:ff:ff', 'net1/mac': MAC, 'netX/mac': MAC})
    assert f'ingot.mac={MAC}' in line
    assert fetched[1:3] == [f'{BASE}/boot/52-54-02-ff-ff-ff.ipxe', RECORD]


def test_without_a_record_it_goes_on_to_the_next_device_at_once():
    files = site()
    del files[RECORD]
    assert walk(files) == (None, [f'{BASE}/boot.ipxe', RECORD, f'{BASE}/boot/none.ipxe'], 0)


def test_a_boot_server_that_is_away_is_asked_for_a_minute():
    line, _, slept = walk({f'{BASE}/boot.ipxe': script.ENTRY})
    assert (line, slept) == (None, 55)


def test_no_entry_no_netboot():
    assert walk({}) == (None, [f'{BASE}/boot.ipxe'], 0)


def test_a_ramdisk_that_cannot_be_loaded_is_tried_again():
    files, tries = site(), []

    def look(url):
        tries.append(url)
        return None if 'initrd' in url and len([one for one in tries if 'initrd' in one]) < 3 else files.get(url)
    line, fetched, slept = walk(look)
    assert line.startswith(f'{BASE}/files/k/kernel')
    assert (slept, fetched.count(RECORD)) == (10, 3)


@pytest.mark.parametrize(('text', 'words'), [
    ('#!ipxe\nfly away\n', 'the command "fly"'), ('#!ipxe\ngoto nowhere\n', 'no label ":nowhere"'),
    ('#!ipxe\n:again\ngoto again\n', 'has no end')])
def test_what_is_wrong_with_a_script_is_told(text, words):
    with pytest.raises(errors.Invalid, match=words):
        walk({f'{BASE}/boot.ipxe': text})


def test_a_line_that_fails_ends_the_script():
    assert walk(site(**{f'{BASE}/boot.ipxe': '#!ipxe\nisset ${nothing}\nchain boot/none.ipxe\n'}))[1] == [f'{BASE}/boot.ipxe']


@pytest.mark.parametrize(('line', 'fetched'), [
    ('isset ${a} && imgfetch one || imgfetch two', ['two']), ('isset ${netX/mac} && imgfetch one || imgfetch two', ['one']),
    ('isset ${a} || imgfetch one && imgfetch two', ['one', 'two']), ('isset ${netX/mac} || imgfetch one ||', [])])
def test_commands_of_a_line(line, fetched):
    files = {f'{BASE}/boot.ipxe': f'#!ipxe\n{line}\n', f'{BASE}/one': 'x', f'{BASE}/two': 'x'}
    assert walk(files)[1][1:] == [f'{BASE}/{name}' for name in fetched]
