"""A Cognito user pool on the embedded AWS, with sign-in pages and people in groups."""

from dataclasses import dataclass
from typing import Any

VIEWERS, APPROVERS, BREAK_GLASS = "grants-viewers", "grants-approvers", "grants-break-glass"
PASSWORD = "Look-and-decide-2026"
PEOPLE = {
    "vera": (VIEWERS,),
    "sam": (APPROVERS,),
    "kim": (APPROVERS, BREAK_GLASS),
    "strange": ("others",),
}
"""Who signs in, and the groups of each; all have one password."""
_REGION = "eu-west-1"


@dataclass(frozen=True)
class UserPool:
    """A user pool and the page's client in it.

    Args:
        embedded: the embedded AWS.
        id: the pool.
        client_id: what the page is registered as.
    """

    embedded: Any
    id: str
    client_id: str

    @classmethod
    def made(cls, embedded: Any) -> "UserPool":
        """A pool with its people, and a public client."""
        cognito = embedded.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName="people", AutoVerifiedAttributes=["email"])
        pool_id = pool["UserPool"]["Id"]
        cognito.create_user_pool_domain(Domain="people", UserPoolId=pool_id)
        client = cognito.create_user_pool_client(
            UserPoolId=pool_id, ClientName="page", **_flows("http://localhost")
        )
        found = cls(embedded, pool_id, client["UserPoolClient"]["ClientId"])
        for group in dict.fromkeys(group for groups in PEOPLE.values() for group in groups):
            cognito.create_group(GroupName=group, UserPoolId=pool_id)
        for name, groups in PEOPLE.items():
            found.hire(name, groups)
        return found

    @property
    def issuer(self) -> str:
        """As its tokens have it."""
        return f"https://cognito-idp.{_REGION}.amazonaws.com/{self.id}"

    @property
    def discovery(self) -> str:
        """Where the embedded AWS has its discovery document."""
        return f"{self.embedded.endpoint}/{self.id}/.well-known/openid-configuration"

    def lets_back(self, page: str) -> None:
        """The page's address is known: people are sent back there."""
        self.embedded.client("cognito-idp").update_user_pool_client(
            UserPoolId=self.id,
            ClientId=self.client_id,
            ClientName="page",
            **{name: value for name, value in _flows(page).items() if name != "GenerateSecret"},
        )

    def hire(self, name: str, groups: tuple[str, ...]) -> None:
        """One more person, whose address is known to be theirs."""
        cognito = self.embedded.client("cognito-idp")
        attributes = [
            {"Name": "email", "Value": f"{name}@example.com"},
            {"Name": "email_verified", "Value": "true"},
        ]
        cognito.admin_create_user(
            UserPoolId=self.id, Username=name, UserAttributes=attributes, MessageAction="SUPPRESS"
        )
        cognito.admin_set_user_password(
            UserPoolId=self.id, Username=name, Password=PASSWORD, Permanent=True
        )
        for group in groups:
            cognito.admin_add_user_to_group(UserPoolId=self.id, Username=name, GroupName=group)


def _flows(page: str) -> dict[str, Any]:
    return {
        "GenerateSecret": False,
        "AllowedOAuthFlows": ["code"],
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthScopes": ["openid", "email", "profile"],
        "CallbackURLs": [f"{page}/callback"],
        "SupportedIdentityProviders": ["COGNITO"],
    }
