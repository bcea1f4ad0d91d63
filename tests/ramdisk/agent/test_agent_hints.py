import pytest

from ingot.ramdisk.agent import hints
from ingot.ramdisk.agent.disks import GIB, Disk
from ingot.ramdisk.agent.errors import AgentError


def disk(name, size, **members):
    known = {'model': 'Samsung SSD 870', 'serial': 'S1', 'wwn': '0x5002538f', 'vendor': 'ATA', 'rotational': False,
             'hctl': '0:0:0:0', 'by_path': '/dev/disk/by-path/pci-0000:00:1f.2-ata-1'}
    return Disk(name=f'/dev/{name}', size=int(size * GIB), **{**known, **members})


SMALL = disk('sda', 2)
ODD = disk('sdb', 10.5, serial='S2', rotational=True, vendor='HGST', hctl='1:0:0:0')
LARGE = disk('sdc', 100, serial='S3', model='INTEL P4510 8TB', by_path=None)
NUMBER = disk('sdd', 200, serial='42', wwn=None)
ALL = [LARGE, SMALL, NUMBER, ODD]


@pytest.mark.parametrize(('wanted', 'names'), [
    ({'size': 10}, 'b'), ({'size': '10'}, 'b'), ({'size': '== 10'}, 'b'), ({'size': '!= 10'}, 'acd'),
    ({'size': '>= 100'}, 'cd'), ({'size': '= 100'}, 'cd'), ({'size': '> 100'}, 'd'), ({'size': '> 10'}, 'bcd'),
    ({'size': '<= 10'}, 'a'), ({'size': '< 11'}, 'ab'), ({'size': '<or> 2 <or> 100'}, 'ac'),
    ({'serial': 'S2'}, 'b'), ({'serial': 's2'}, 'b'), ({'serial': 's== S2'}, 'b'), ({'serial': 's!= S2'}, 'acd'),
    ({'serial': 's> S2'}, 'c'), ({'serial': 's>= S2'}, 'bc'), ({'serial': 's< S2'}, 'ad'), ({'serial': 's<= S1'}, 'ad'),
    ({'serial': '<or> S1 <or> S3'}, 'ac'), ({'serial': '== 42'}, 'd'), ({'serial': '> 41'}, 'd'),
    ({'model': '<in> intel'}, 'c'), ({'model': '<all-in> 8tb intel'}, 'c'), ({'model': '<all-in> 8tb samsung'}, ''),
    ({'model': 'Samsung SSD 870'}, 'abd'), ({'vendor': 'hgst'}, 'b'), ({'hctl': '1:0:0:0'}, 'b'),
    ({'name': '/dev/sdc'}, 'c'), ({'name': 's!= /dev/sdc'}, 'abd'), ({'wwn': '0x5002538F'}, 'abc'),
    ({'rotational': True}, 'b'), ({'rotational': 'true'}, 'b'), ({'rotational': 'no'}, 'acd'),
    ({'by_path': '<in> ata-1'}, 'abd'), ({'serial': 'S1', 'size': '>= 2'}, 'a'), ({'serial': 'S1', 'size': '> 2'}, ''),
    ({}, 'bcd'),
])
def test_hints_fit_these_disks(wanted, names):
    hints.check(wanted)
    assert ''.join(sorted(one.name[-1] for one in ALL if hints.matches(one, wanted))) == names


@pytest.mark.parametrize(('wanted', 'size', 'name'), [
    ({}, 0, 'b'), ({}, 10 * GIB, 'b'), ({}, 11 * GIB, 'c'), ({'name': '/dev/sda'}, GIB, 'a'), ({'size': '>= 2'}, 0, 'a'),
    ({'size': '>= 2'}, 3 * GIB, 'b'),
])
def test_the_smallest_disk_that_fits_is_chosen(wanted, size, name):
    assert hints.choose(ALL, wanted, size).name[-1] == name


@pytest.mark.parametrize(('disks', 'wanted', 'size', 'code', 'words'), [
    ([], {}, 0, 'no-root-disk', 'The machine has: none'),
    ([SMALL], {}, 0, 'no-root-disk', '4 GiB or more'),
    (ALL, {'serial': 'S9'}, 0, 'no-root-disk', 'serial "S9"'),
    (ALL, {'serial': 'S1'}, 3 * GIB, 'image-too-big', '/dev/sda (2147483648 bytes'),
    (ALL, {}, 999 * GIB, 'image-too-big', '/dev/sdd'),
    (ALL, {'colour': 'red'}, 0, 'plan-refused', 'colour'),
    (ALL, {'size': 'big'}, 0, 'plan-refused', 'size="big"'),
    (ALL, {'size': '>= many'}, 0, 'plan-refused', 'makes no sense'),
    (ALL, {'rotational': 'perhaps'}, 0, 'plan-refused', 'rotational'),
])
def test_a_choice_that_cannot_be_made_says_why(disks, wanted, size, code, words):
    with pytest.raises(AgentError) as error:
        hints.choose(disks, wanted, size)
    assert error.value.code == code
    assert words in error.value.message
    assert error.value.remedy
