"""The process of a simulation: arguments as JSON, the outcome as JSON. ``ingot simulate`` starts it."""

import json
import os
import sys

from ingot.simulation import clock as clocks


def main(words):
    """Nothing else may be imported before the clock is started."""
    clock = clocks.start(words['seed'])
    import gc
    import logging
    import tempfile

    from ingot.lab.fleet import trouble
    from ingot.simulation.run import simulate
    logging.basicConfig(level=logging.DEBUG if words['is_debug'] else logging.CRITICAL, stream=sys.stderr)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)       # little of what is made is garbage in circles
    with tempfile.TemporaryDirectory(prefix='ingot-simulation-') as folder:
        outcome = simulate(clock, folder, faults=trouble.parse(words['faults']), **words['run'])
        print(json.dumps(outcome._asdict()), flush=True)


if __name__ == '__main__':
    main(json.loads(sys.argv[1]))
    os._exit(0)      # greenlets of dead conductors would wait for ever
