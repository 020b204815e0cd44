"""What can go wrong."""
from __future__ import annotations

from .types import FieldProblem, Job, Problem


class ImgrouterError(Exception):
    """All errors of this package."""


class ConnectionFailed(ImgrouterError):
    """The server was not reached, or did not answer in time."""


class ProblemError(ImgrouterError):
    """The server answered with a problem."""

    def __init__(self, status: int, problem: Problem | FieldProblem):
        self.status = status
        self.problem = problem
        self.detail: str = problem.get("detail", "")
        self.code: str | None = problem.get("code")
        self.request_id: str | None = problem.get("request_id")
        super().__init__(f"{status}: {self.detail or problem.get('title', '')}")


class JobFailed(ProblemError):
    """A job that was waited for failed for good."""

    def __init__(self, job: Job):
        self.job = job
        problem = job["problem"] or Problem(title="Failed", status=500, detail="the job failed")
        super().__init__(problem["status"], problem)


class WaitTimeout(ImgrouterError):
    """A job was not over in the time given; it goes on."""
