"""Exit codes, and what a user is told when a verb cannot do what it was asked."""

from enum import IntEnum

from practicum import errors


class Exit(IntEnum):
    """What ``$?`` means; ``practicum --help`` shows the same list."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    FORBIDDEN = 4
    CONFLICT = 5
    TIMEOUT = 124
    INTERRUPTED = 130


EPILOG = (
    "Exit codes: 0 ok, 1 failure or not ready, 2 usage, 3 not found, 4 forbidden, "
    "5 conflict or invalid, 124 timeout."
)


class CliError(errors.PracticumError):
    """One sentence for the user, the next step if there is one, and the exit code."""

    def __init__(self, message: str, *, hint: str = "", code: Exit = Exit.FAILURE) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code
        self.reason = code.name.title().replace("_", "")


_BY_TYPE: dict[type[errors.ApiError], Exit] = {
    errors.NotFound: Exit.NOT_FOUND,
    errors.Forbidden: Exit.FORBIDDEN,
    errors.Conflict: Exit.CONFLICT,
    errors.Invalid: Exit.CONFLICT,
}
_BY_REASON = {
    "NoKubeconfig": "see the options --kubeconfig and --context",
    "NotAPersona": "act as a persona with --as PERSONA",
    "Unreachable": "is the cluster running, and is this the right kubeconfig? (--kubeconfig)",
}
_CHANGES: dict[str, tuple[Exit, str]] = {
    "NoSuchLab": (Exit.NOT_FOUND, "see: practicum get"),
    "AmbiguousLab": (Exit.USAGE, "with --lab NAME"),
    "LabNotReady": (Exit.CONFLICT, "see: practicum explain LAB"),
    "NoSuchPersona": (Exit.NOT_FOUND, ""),
    "WrongContext": (Exit.CONFLICT, "rename it, or choose another file with --kubeconfig"),
    "NoSuchRequest": (Exit.NOT_FOUND, "see: practicum change list"),
    "NoEvidence": (Exit.CONFLICT, "see: practicum change status REQUEST --wait"),
    "EvidenceAltered": (Exit.CONFLICT, ""),
    "RequestOver": (Exit.CONFLICT, "make another: practicum change request"),
    "TimedOut": (Exit.TIMEOUT, "see: practicum change status REQUEST"),
}
"""By the reason of a ChangeError: the code, and the next step."""
_NOT_INSTALLED = "could not find the requested resource"


def explain_error(error: Exception) -> CliError:
    """Turn any error of ours into the sentence and exit code that a user gets."""
    match error:
        case CliError():
            return error
        case errors.NotFound() if _NOT_INSTALLED in str(error):
            return CliError(
                "this cluster does not know the kinds of Practicum",
                hint="the platform team installs it with its Helm chart",
                code=Exit.NOT_FOUND,
            )
        case errors.ApiError(reason="PluginFailed"):
            return CliError(one_line(error), code=Exit.FORBIDDEN)
        case errors.ApiError(status=401):
            return CliError(
                f"the API server does not know you ({one_line(error)})",
                hint="your token is over, or the lab is suspended or over: ask your instructor",
                code=Exit.FORBIDDEN,
            )
        case errors.ApiError():
            code = _BY_TYPE.get(type(error), Exit.FAILURE)
            return CliError(one_line(error), hint=_BY_REASON.get(error.reason, ""), code=code)
        case errors.ChangeError(reason=reason):
            code, hint = _CHANGES.get(reason, (Exit.FAILURE, ""))
            return CliError(one_line(error), hint=hint, code=code)
        case _:
            return CliError(one_line(error))


def one_line(error: Exception) -> str:
    """Return an error's message without its line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def sentence(error: CliError) -> str:
    """Return the one line that goes to stderr."""
    return f"practicum: {error}; {error.hint}" if error.hint else f"practicum: {error}"
