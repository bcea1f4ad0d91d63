"""Every exception of Ingot: what happened, what would help, and the HTTP status it becomes.

The class carries the HTTP ``status``, a stable ``code`` for programs, a ``remedy`` for people and whether the same
request may simply be sent again (``retryable``). The message names the object, the value and the reason.

    IngotError
      Invalid                 400  the request is wrong (InvalidState, InvalidImage, InvalidParameter, PatchRefused)
      NotAuthorized           401  NotPermitted 403
      NotFound                404
      NotAcceptable           406
      Conflict                409  (Duplicate, Outdated, Locked, Stale 412)
      Gone                    410  OperationEnded
      TooLarge                413
      KeyReused               422
      HardwareFailure         500  (BmcUnreachable, BmcRefused, ImageUnavailable, ProgramFailed, MachineFailed, DeadlineExceeded)
      Unavailable             503  (DatabaseFailed, NotBegun (OtherRelease), NoAnswer)
"""


class IngotError(Exception):
    """Base of all: ``str(error)`` is fit for an operator and never holds a secret."""

    status = 500
    code = 'internal'
    remedy = None
    retryable = False

    def __init__(self, message, *, remedy=None):
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy

    def explain(self):
        """The message with its remedy: what goes into ``last_error`` and onto a terminal."""
        return f'{self} Remedy: {self.remedy}' if self.remedy else str(self)


class Invalid(IngotError):
    status = 400
    code = 'invalid'


class InvalidParameter(Invalid):
    """A value of driver_info, instance_info or properties is missing or unusable."""

    code = 'invalid-parameter'


class InvalidState(Invalid):
    """The verb is not possible in the node's present state; the message says which verbs are."""

    code = 'invalid-state'


class InvalidImage(Invalid):
    """The image is not what it claims to be, or of a kind that is refused."""

    code = 'invalid-image'


class PatchRefused(Invalid):
    code = 'patch-refused'


class NotAuthorized(IngotError):
    status = 401
    code = 'not-authorized'


class NotPermitted(IngotError):
    status = 403
    code = 'not-permitted'


class NotFound(IngotError):
    status = 404
    code = 'not-found'


class MethodNotAllowed(IngotError):
    status = 405
    code = 'method-not-allowed'


class NotAcceptable(IngotError):
    """The wanted API version cannot be served, or a field is newer than the version asked for."""

    status = 406
    code = 'not-acceptable'


class Conflict(IngotError):
    status = 409
    code = 'conflict'


class Duplicate(Conflict):
    code = 'duplicate'


class Outdated(Conflict):
    """What was decided on has changed since; the message says what it is now."""

    code = 'outdated'
    remedy = 'Decide again, by what there is now.'


class Locked(Conflict):
    """Somebody else works on the node; the message says who, why and since when."""

    code = 'locked'
    retryable = True
    remedy = 'Send the request again in some seconds.'


class StillWorking(Conflict):
    """The first request with this Idempotency-Key has no answer yet."""

    code = 'idempotency-key-in-use'
    retryable = True
    remedy = 'Send the request again in some seconds.'


class KeyReused(Invalid):
    """The Idempotency-Key came before with another request. 422, not 409: clients send again what was refused with 409."""

    status = 422
    code = 'idempotency-key-reused'
    remedy = 'Use a new key for each request that is not a repetition.'


class Stale(Conflict):
    """The row changed since it was read (If-Match), or a lease was lost to a newer epoch."""

    status = 412
    code = 'stale'


class OperationEnded(IngotError):
    """The machine asks about work that is over: it must stop and touch nothing more."""

    status = 410
    code = 'operation-ended'


class TooLarge(IngotError):
    status = 413
    code = 'too-large'


class UnsupportedMediaType(IngotError):
    status = 415
    code = 'unsupported-media-type'


class HardwareFailure(IngotError):
    """Something outside of Ingot did not do what was asked."""

    code = 'hardware-failure'
    retryable = True


class BmcUnreachable(HardwareFailure):
    code = 'bmc-unreachable'
    remedy = 'Check that the BMC has power and network, and that ipmi_address and ipmi_port are right.'


class BmcRefused(HardwareFailure):
    code = 'bmc-refused'
    retryable = False
    remedy = 'Check ipmi_username, ipmi_password and ipmi_priv_level in driver_info.'


class ImageUnavailable(HardwareFailure):
    code = 'image-unavailable'
    remedy = 'Check instance_info/image_source and that its server answers.'


class ProgramFailed(HardwareFailure):
    """A helper program ended with an error; the message has its name, exit status and last words."""

    code = 'program-failed'


class MachineFailed(HardwareFailure):
    """The agent on the machine reported that it could not carry out its plan."""

    code = 'machine-failed'


class DeadlineExceeded(HardwareFailure):
    code = 'deadline-exceeded'


class Unavailable(IngotError):
    status = 503
    code = 'unavailable'
    retryable = True


class NotBegun(Unavailable):
    """This conductor did not begin what it was asked for, and will not: another one may be asked."""

    code = 'not-begun'


class OtherRelease(NotBegun):
    """The conductor is of a release that does not know this request; one of another release may."""

    code = 'other-release'
    remedy = 'Upgrade all conductors, then send the request again.'


class NoAnswer(Unavailable):
    """A conductor was asked, and gave no sign of life: it may have begun, or not."""

    code = 'no-answer'


class DatabaseFailed(Unavailable):
    """The database does not answer, or broke off one of two transactions that met: nobody asked for anything wrong."""

    code = 'database-failed'
