"""What Linux tells of processes (proc(5))."""

import pathlib


def fields(pid):
    """Those of /proc/PID/stat after its name: state, parent ...; FileNotFoundError or ProcessLookupError when there is none."""
    return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()


def is_gone(pid):
    """No such process, or one that is dead and waits to be reaped."""
    try:
        return fields(pid)[0] in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return True
