"""Service on one screen: chosen steps on a machine that is in use, which goes on with its system afterwards."""

from ingot.conductor import steps
from ingot.conductor.flow import Step


def validate(task):
    """The interfaces that the steps work with have what they need."""
    task.validate('power', 'management')


def end_service(task):
    """Nothing is left to do: the machine goes on."""


def flow_of(operation):
    """The steps of a service operation."""
    return (Step('validate', validate),
            *steps.build('service', operation['arguments'].get('steps') or ()),
            Step('end service', end_service))
