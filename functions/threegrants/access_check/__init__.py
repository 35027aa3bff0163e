"""Would it work: the three grants for a call that nobody has made yet.

In: a `Question`, and a folder of policies, a Terraform plan, or an analysis of the planned call with
evidence that was read live. Out: an `Answer`, with a form for pull requests. Pure.
"""

from threegrants.access_check.answer import Access, Answer, answer_from_files, answer_of
from threegrants.access_check.folder import FOLDER_LAYOUT, policies_of_folder
from threegrants.access_check.formats import as_markdown, as_sarif
from threegrants.access_check.planned_call import Question, QuestionError, planned_call
from threegrants.access_check.policy_set import PolicyFileError, PolicySet
from threegrants.access_check.terraform_plan import policies_of_plan

__all__ = ["FOLDER_LAYOUT", "Access", "Answer", "PolicyFileError", "PolicySet", "Question",
           "QuestionError", "answer_from_files", "answer_of", "as_markdown", "as_sarif",
           "planned_call", "policies_of_folder", "policies_of_plan"]  # fmt: skip
