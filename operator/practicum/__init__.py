"""Practicum: one LabEnvironment in, one learner's isolated ML platform out."""

__version__ = "0.1.0"
