"""Why a look came to nothing: who has to mend it decides what the learner is told."""


class LearnerFailed(Exception):
    """Something of the learner's is not there, or does not work."""


class LookBroken(Exception):
    """Something of the lab's does not work, so nobody can tell."""


class Unsupported(Exception):
    """This cluster cannot tell."""
