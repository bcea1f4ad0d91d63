"""``make decide``: what a decision costs over 10,000 and 100,000 nodes with 8 devices each, and to keep the facts for it.

    python -m tests.bench.decide [--nodes 10000,100000] [--rounds 40]

Nodes are of six sorts of hardware, in chassis of 16, racks of 40 and three zones; 40 % are in use, one device in ten is not to
be had, inventories are all different (serial numbers). Wall time and processor time of one process; rounds take turns
over all kinds of requests, and between two rounds 20 nodes change. Then the same over HTTP (``decisions``). Prints the tables for
docs/figures.md, "Decisions".
"""

import argparse
import gc
import random
import statistics
import sys
import time

from ingot.scheduler import capacity, decide, request
from ingot.scheduler.site import Site

FLAVORS = [
    {'name': 'bigGPU', 'match': [{'vendor_id': '10de', 'product_id': '2330'}]},
    {'name': 'bigGPU2', 'match': [{'vendor_id': '10de', 'product_id': ['20b0', '2330']}]},
    {'name': 'anyGPU', 'match': [{'vendor_id': '10de', 'class_id': {'glob': '0302*'}}]},
    {'name': 'fastNIC', 'match': [{'vendor_id': '15b3', 'function': 'pf', 'link_width': {'>=': 16}}]},
    {'name': 'netA', 'match': [{'physical_network': 'a'}]}, {'name': 'vf', 'match': [{'function': 'vf'}]},
    {'name': 'flash', 'match': [{'class_id': '010802'}]}, {'name': 'fpga', 'match': [{'vendor_id': '1bcf'}]}]
GROUPS = [{'name': 'apart', 'policy': 'anti-affinity', 'scope': 'rack'}]
OVERLAP = [{'flavors': ['bigGPU', 'bigGPU2'], 'count': 2, 'numa': 'same'}, {'flavors': ['anyGPU'], 'count': 1},
           {'flavors': ['fastNIC', 'vf'], 'count': 2}]
#: What is asked -> (request, whether it can be granted).
REQUESTS = {
    'a resource class': ({'resource_class': 'gpu'}, True),
    'class, two traits, one preferred, spread': ({
        'resource_class': 'gpu', 'traits': ['CUSTOM_A'], 'preferred_traits': ['CUSTOM_B'], 'strategy': 'spread'}, True),
    'two expressions over inventories': ({'where': ['cpu.count >= 48', 'count(disks where size >= 3TB) >= 2']}, True),
    'devices of overlapping flavors, NUMA': ({'pci': OVERLAP}, True),
    'gang of 16, a rack each (hard), 3 GPUs': ({
        'count': 16, 'placement_group': 'apart', 'resource_class': 'gpu', 'pci': [{'flavors': ['anyGPU'], 'count': 3}]}, True),
    'nothing fits: 5 GPUs; why': ({'pci': [{'flavors': ['bigGPU'], 'count': 5}]}, False),
    'nothing fits: gang, 6 constraints; why': ({
        'count': 16, 'placement_group': 'apart', 'resource_class': 'gpu', 'traits': ['CUSTOM_A'],
        'forbidden_traits': ['CUSTOM_B'], 'where': ['cpu.count >= 100'], 'pci': [{'flavors': ['fpga'], 'count': 1}]}, False),
}


def device(name, bus, chance, **values):
    return {'uuid': f'{name}-{bus:02x}', 'address': f'0000:{bus:02x}:00.0', 'numa_node': bus // 0x80, 'offered': True,
            'state': 'ready' if chance.random() < 0.9 else 'failed', 'allocation_id': None, **values}


def devices(name, chance, gpu, network):
    """Four GPUs, a network card with two ports and a VF of one, a disk: 8 devices."""
    card = {'vendor_id': '15b3', 'class_id': '020000', 'link_width': 16, 'extra_info': {'physical_network': network}}
    found = [device(name, bus, chance, vendor_id='10de', product_id=gpu, class_id='030200', link_width=16)
             for bus in (0x17, 0x3b, 0x97, 0xbb)]
    found += [device(name, bus, chance, product_id='101d', function='pf', **card) for bus in (0x5e, 0xd8)]
    found.append(device(name, 0x5f, chance, product_id='101e', function='vf', parent='0000:5e:00.0', **card))
    return [*found, device(name, 0x65, chance, vendor_id='144d', product_id='a80a', class_id='010802', link_width=4)]


def node(number, seed=0):
    """The facts of a node; of another ``seed`` as it is after something happened to it."""
    chance, name = random.Random(f'{number} {seed}'), f'{number:08x}-0000-4000-8000-{number:012x}'
    sort = number % 6
    return {
        'uuid': name, 'generation': seed + 1, 'name': f'node-{number}', 'resource_class': ('gpu', 'gpu', 'cpu')[sort % 3],
        'traits': ['CUSTOM_A', *(['CUSTOM_B'] if sort % 2 else []), *(f'HW_CPU_{each}' for each in range(20))],
        'domains': {'chassis': f'chassis-{number // 16}', 'rack': f'rack-{number // 40}', 'zone': f'zone-{number % 3}'},
        'attributes': {'cpu': {'count': (16, 48, 64)[sort % 3]}, 'memory': {'physical_mb': 1 << 19},
                       'disks': [{'name': f'nvme{each}', 'size': 4 * 10 ** 12, 'serial': f'S{number}{each}'}
                                 for each in range(2)]},
        'devices': devices(name, chance, ('2330', '20b0', '1eb8')[number % 3], 'abc'[number // 40 % 3]),
        'is_free': chance.random() < 0.6, 'reason': 'in use'}


def measure(count, rounds):
    """Print the lines of one size."""
    began = time.process_time()
    site = Site(map(node, range(count)), FLAVORS, GROUPS)
    making = time.process_time() - began
    gc.collect()
    gc.freeze()                                               # else Python looks through all facts every now and then
    began = time.process_time()
    for number in range(count):
        node(number)
    building = (making - (time.process_time() - began)) / count
    chance, changes = random.Random(1), []
    times = {name: ([], []) for name in REQUESTS}
    for turn in range(rounds):
        for name, (value, is_there) in REQUESTS.items():
            wanted, wall, cpu = request.read(value), time.perf_counter(), time.process_time()
            found = decide.decide(site, wanted)
            times[name][0].append(time.process_time() - cpu)
            times[name][1].append(time.perf_counter() - wall)
            assert bool(found.candidates) is is_there, (name, found.why)
            assert is_there or found.why['relax'], name
        new = [node(chance.randrange(count), turn + 1) for _ in range(20)]
        began = time.process_time()
        for facts in new:
            site.put(facts)
        changes.append((time.process_time() - began) / 20)
    show(count, site, times, building, changes)


def show_times(count, times):
    for name, both in times.items():
        figures = (1e3 * each for one in both for each in (statistics.median(one), worst(one)))
        print(f'| {count:,} | {name} | {" | ".join(f"{figure:.1f}" for figure in figures)} |')


def show(count, site, times, building, changes):
    show_times(count, times)
    began = time.process_time()
    found = capacity.capacity(site, 'anyGPU')
    print(f'\n{count:,} nodes ({len(site.boards.boards)} boards that differ): to take them in {building * count:.1f} s, '
          f'{1e6 * building:.0f} microseconds each; one that changed {1e6 * statistics.median(changes):.0f} microseconds;\n'
          f'capacity of a flavor ({found["satisfiable"]:,} devices) {1e3 * (time.process_time() - began):.0f} ms; memory of the '
          f'process {resident():.0f} MiB.\n')


def worst(times):
    """The 95th of a hundred."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.95))]


def resident():
    with open('/proc/self/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('VmRSS')) / 1024


def main(words):
    parser = argparse.ArgumentParser(prog='decide')
    parser.add_argument('--nodes', default='10000,100000')
    parser.add_argument('--rounds', type=int, default=40)
    args = parser.parse_args(words)
    from tests.bench import decisions  # which asks what is asked here
    for part, where in ((measure, 'the core alone'), (decisions.measure, 'POST /v1/decisions')):
        print(f'{where}\n\n| nodes | request | ms of processor, median | p95 | ms, median | p95 |\n|---|---|---|---|---|---|')
        for count in args.nodes.split(','):
            part(int(count), args.rounds)


if __name__ == '__main__':
    main(sys.argv[1:])
