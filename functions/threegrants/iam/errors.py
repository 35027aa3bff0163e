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
