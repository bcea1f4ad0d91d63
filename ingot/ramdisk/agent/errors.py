"""Why the agent gave up: a code of the protocol, the action, a message and what would help."""


class AgentError(Exception):
    """Ends an action, and with it the plan; ``code`` is one of those in docs/agent-protocol.md."""

    def __init__(self, code, message, remedy=''):
        super().__init__(message)
        self.code, self.message, self.remedy = code, message, remedy


class Stopped(Exception):
    """The action was told to stop; not a failure of its own."""


class Refused(Exception):
    """The target answered and said no (CHAP, unknown target): trying again for long is no use."""


class Unreachable(Exception):
    """The target did not answer, or the session broke: it is worth trying again."""
