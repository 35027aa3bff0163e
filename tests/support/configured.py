"""A configuration in force without AppConfig, which moto does not play; the embedded AWS does."""

import json
from typing import Any

import pytest

from support.names import A, B
from threegrants.configuration import Configuration, ConfigurationError, parse_configuration
from threegrants.handlers.configuration_source import ConfigurationSource

PLACE = "app1234/env1234/pro1234"
APPROVAL = {
    "name": "reports for analysts",
    "owner": A,
    "principals": [f"arn:aws:iam::{B}:role/analyst"],
    "bucket": "a-reports",
    "prefix": "2026/*",
    "keys": [f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555"],
    "actions": ["s3:GetObject", "kms:Decrypt"],
    "starts": "2026-11-01T00:00:00Z",
    "expires": "2026-12-31T00:00:00Z",
}
"""a standing approval"""


class Deployed:
    """What AppConfig has deployed: tests change it, and count who asks."""

    def __init__(self, **sections: Any) -> None:
        self.asked = 0
        self.error: ConfigurationError | None = None
        self.put(**sections)

    def put(self, **sections: Any) -> None:
        """Deploy another document, of these sections."""
        self.text = json.dumps({"schema": "threegrants.config/1", **sections})

    def read(self, *_: Any) -> Configuration:
        """What a function reads."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        return parse_configuration(self.text)


def configured(monkeypatch: pytest.MonkeyPatch, **sections: Any) -> Deployed:
    """Let every function read this configuration."""
    found = Deployed(**sections)
    monkeypatch.setattr(ConfigurationSource, "read", found.read)
    monkeypatch.setenv("CONFIGURATION", PLACE)
    return found


def accounts(*, read: tuple[str, ...] = (), trusted: tuple[str, ...] = ()) -> dict[str, Any]:
    """The section `accounts`."""
    return {"read": list(read), "trusted": list(trusted)}
