"""Long work in the background: one record a job, shared by all who ask for the same."""

from .worker import Job, Jobs, time_left

__all__ = ["Job", "Jobs", "time_left"]
