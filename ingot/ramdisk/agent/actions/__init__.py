"""The actions of a plan, one file each: ``NAME`` as the plan says it, and ``run(action, job)``.

``run`` returns a dict that joins the report's ``data``, and that later actions find in ``job.data``. It raises
AgentError, tells of progress through ``job``, and calls ``job.check()`` often. A new file here is a new action.
"""

import importlib
import os


def table():
    """{name of the action: its run}, from all files in this folder (.py or .pyc)."""
    names = sorted({name.partition('.')[0] for name in os.listdir(__path__[0]) if name.endswith(('.py', '.pyc'))})
    modules = [importlib.import_module(f'.{name}', __name__) for name in names if name != '__init__']
    return {module.NAME: module.run for module in modules}
