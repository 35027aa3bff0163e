"""The one exception of this room."""


class RecordError(ValueError):
    """A record that cannot be read.

    Args:
        where: the place, as a path inside the record (`userIdentity.arn`) or a position in a file.
        what: what stands there.
        wanted: what was expected instead.
    """

    def __init__(self, where: str, what: str, wanted: str) -> None:
        super().__init__(f"{where}: {what}; expected {wanted}")
        self.where = where
        self.what = what
        self.wanted = wanted
