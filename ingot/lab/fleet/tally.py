"""What the machines of a fleet have done, summed up; pure."""

import collections

_STAGES = ('off', 'firmware', 'agent', 'system', 'nothing', 'waiting', 'frozen')


def actions(counts):
    """{action: (begun, done, operations that began it more than once)} out of the counts of machines (see Computer)."""
    begun, done, again = collections.Counter(), collections.Counter(), collections.Counter()
    for mine in counts:
        for key, number in mine.items():
            if isinstance(key, tuple):
                _, action, what = key
                (begun if what == 'begun' else done)[action] += number
                again[action] += what == 'begun' and number > 1
    return {action: (begun[action], done[action], again[action]) for action in sorted(begun)}


def words(counts, stages):
    """Lines for people: where the machines are, how often they were started, and what their agents did."""
    now, total = collections.Counter(stages), collections.Counter()
    for mine in counts:
        total.update({key: number for key, number in mine.items() if isinstance(key, str)})
    where = ', '.join(f'{now[stage]} {stage}' for stage in _STAGES if now[stage])
    lines = [f'{len(stages)} machines: {where}',
             f'switched on {total["power on"]} times: {total["ramdisk"]} ramdisks, {total["system"]} systems, '
             f'{total["nothing"]} with nothing to boot']
    lines += [f'{action}: begun {begun}, done {done}, twice in one operation {again}'
              for action, (begun, done, again) in actions(counts).items()]
    return '\n'.join(lines)
