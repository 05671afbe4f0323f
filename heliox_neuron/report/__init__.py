"""What ran where and why: text for people, dicts and JSON for programs."""

from .plan import PlanReport
from .runs import RunReport
from .text import Report, Table
from .verification import VerifyReport

__all__ = ["PlanReport", "Report", "RunReport", "Table", "VerifyReport"]
