"""Many blocks through few threads, so that reading, hashing and writing overlap."""

import threading

from .block import buffer


def each(items, work, *, size, workers=2):
    """Call ``work(item, memory)`` for each item, in ``workers`` threads; each has its own ``memory`` of ``size`` bytes.

    The first exception ends all threads and is raised here. Items are taken in order, one at a time.
    """
    line, lock, errors = iter(items), threading.Lock(), []

    def carry():
        memory = buffer(size)
        try:
            while not errors:
                with lock:
                    item = next(line, None)
                if item is None:
                    return
                work(item, memory)
        except BaseException as error:      # raised again in the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=carry, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
