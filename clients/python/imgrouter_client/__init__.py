"""Client of imgrouter. Needs nothing but Python's standard library."""
from .client import Client, Picture
from .errors import ConnectionFailed, ImgrouterError, JobFailed, ProblemError, WaitTimeout
from .events import Event

__all__ = ["Client", "ConnectionFailed", "Event", "ImgrouterError", "JobFailed", "Picture",
           "ProblemError", "WaitTimeout"]
