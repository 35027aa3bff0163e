"""Attacks meet the same accounts on moto as `tests/aws`."""

from aws.conftest import aws, harness

__all__ = ["aws", "harness"]
