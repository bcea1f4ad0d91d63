"""What machines have done, summed up."""

from ingot.lab.fleet import tally

ONE, TWO = 'f615e586-3096-4dfd-8d31-e2dc74c2a7fc', '0f0e4de5-5b71-4a9f-9f0f-2c5f1d1f7a11'
COUNTS = [
    {'power on': 3, 'ramdisk': 2, 'system': 1, (ONE, 'call home', 'done'): 1, (ONE, 'write image', 'begun'): 2,
     (ONE, 'write image', 'done'): 1},
    {'power on': 1, 'ramdisk': 1, (TWO, 'write image', 'begun'): 1, (ONE, 'inventory', 'begun'): 1,
     (ONE, 'inventory', 'done'): 1},
    {},
]


def test_actions_of_one_operation_that_were_begun_again_are_told():
    assert tally.actions(COUNTS) == {'inventory': (1, 1, 0), 'write image': (3, 1, 1)}
    assert tally.actions([]) == {}


def test_two_operations_that_write_once_each_are_no_repetition():
    counts = [{(ONE, 'write image', 'begun'): 1, (TWO, 'write image', 'begun'): 1}]
    assert tally.actions(counts) == {'write image': (2, 0, 0)}


def test_words():
    assert tally.words(COUNTS, ['system', 'frozen', 'off']) == (
        '3 machines: 1 off, 1 system, 1 frozen\n'
        'switched on 4 times: 3 ramdisks, 1 systems, 0 with nothing to boot\n'
        'inventory: begun 1, done 1, twice in one operation 0\n'
        'write image: begun 3, done 1, twice in one operation 1')
