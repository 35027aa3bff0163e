"""Clients of the person who runs the doctor, account by account, and how a question of theirs is put."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from botocore.exceptions import ClientError

from threegrants.evidence.calls import call_or_unread
from threegrants.evidence.snapshot import Item

T = TypeVar("T")


class Clients(Protocol):
    """What makes boto3 clients (`RoleClients` is one)."""

    def client(self, account: str, service: Any, region: str | None = None) -> Any:
        """A client of a service in an account; raises `AccountError` if it cannot be entered."""


@dataclass(frozen=True, slots=True)
class Place:
    """One account and Region that are asked.

    Args:
        clients: what makes the clients.
        account: 12 digits.
        region: the Region.
    """

    clients: Clients
    account: str
    region: str

    def ask(
        self,
        service: str,
        action: str,
        resource: str,
        call: Callable[[Any], T],
        absent: Callable[[ClientError], Item[T] | None] | None = None,
    ) -> Item[T]:
        """One question.

        Args:
            service: the service, as boto3 calls it.
            action: the IAM action, or several in one text.
            resource: what it is asked of, for people.
            call: takes the client, gives the value.
            absent: turns an error that is an answer into that answer.
        """
        needs = f"{action} on {resource} in account {self.account}, {self.region}, for you"
        return call_or_unread(
            lambda: call(self.clients.client(self.account, service, self.region)), needs, absent
        )
