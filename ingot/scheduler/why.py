"""Why nothing fits."""


def explain(problem):
    return {'summary': 'x', 'blocking': [], 'relax': []}
