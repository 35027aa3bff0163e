"""What AWS refuses in a template, or takes and then does not do, though emulators forgive it.

In: a template with its parameters (`Deployed`), as text of its own in a test or one of ours.
Out: a `Refusal` for each rule that it breaks. Each rule is a function beside the page it comes from.
"""

from support.strict.rules import RULES, Refusal, refusals

__all__ = ["RULES", "Refusal", "refusals"]
