"""The one exception of the evaluator."""


class PolicyError(ValueError):
    """A policy document that AWS would not accept.

    Args:
        path: where, such as `Statement[2].Condition.StringEquals`.
        message: what is wrong there.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message

    def below(self, place: str) -> "PolicyError":
        """The same error as seen from further up in the document."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        return PolicyError(f"{place}{joint}{self.path}", self.message)
