"""Why the agent gave up: a code of the protocol, the action, a message and what would help."""


class AgentError(Exception):
    """Ends an action, and with it the plan; ``code`` is one of those in docs/agent-protocol.md."""

    def __init__(self, code, message, remedy='', **details):
        super().__init__(message)
        self.code, self.message, self.remedy, self.details = code, message, remedy, details

    def told(self):
        """As the report has it; ``details`` are for programs."""
        return {'code': self.code, 'message': self.message, 'remedy': self.remedy, **self.details}


class Stopped(Exception):
    """The action was told to stop; not a failure of its own."""


class Refused(Exception):
    """The target answered and said no (CHAP, unknown target): trying again for long is no use."""


class Unreachable(Exception):
    """The target did not answer, or the session broke: it is worth trying again."""
