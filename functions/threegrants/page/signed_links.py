"""Signed links: who holds one sees one incident, redacted, until an hour ends; and can do nothing.

The signature is a KMS HMAC by a key of its own, over the purpose, the incident and the hour. Another key
seals approvals: nothing that this one signs is taken for one.
"""

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

HOUR = 3600
DEFAULT_HOURS = 24
_LINK = re.compile(r"([A-Za-z0-9-]{1,64})\.([1-9][0-9]{3,6})\.([\w-]{43})", re.ASCII)
_PURPOSE = "threegrants link/1: look at one incident, redacted"


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What a genuine link opens.

    Args:
        incident_id: the incident.
        expires: when it ends, seconds since the epoch; the end of an hour.
    """

    incident_id: str
    expires: int


@dataclass(frozen=True, slots=True)
class SignedLinks:
    """Makes links, and tells genuine ones from others.

    Args:
        kms: the KMS client.
        key: the ARN of the HMAC key.
    """

    kms: "KMSClient"
    key: str

    def make(self, incident_id: str, now: float, hours: int = DEFAULT_HOURS) -> str:
        """The last part of a link's path.

        Args:
            incident_id: the incident.
            now: seconds since the epoch.
            hours: for how many hours it holds; the one that has begun is not counted.
        """
        ends = int(now) // HOUR + 1 + hours
        answer = self.kms.generate_mac(
            KeyId=self.key, MacAlgorithm="HMAC_SHA_256", Message=_signed(incident_id, ends)
        )
        mac = base64.urlsafe_b64encode(answer["Mac"]).rstrip(b"=").decode()
        return f"{incident_id}.{ends}.{mac}"

    def open(self, link: str, now: float) -> OpenedLink | None:
        """What a link opens; None if it is not genuine, or over.

        Args:
            link: the last part of a link's path, as somebody sent it.
            now: seconds since the epoch.
        """
        found = _LINK.fullmatch(link)
        if found is None or int(found[2]) * HOUR <= now:
            return None
        try:
            answer = self.kms.verify_mac(
                KeyId=self.key,
                MacAlgorithm="HMAC_SHA_256",
                Message=_signed(found[1], int(found[2])),
                Mac=base64.urlsafe_b64decode(f"{found[3]}="),
            )
        except self.kms.exceptions.KMSInvalidMacException:
            return None
        return OpenedLink(found[1], int(found[2]) * HOUR) if answer["MacValid"] else None


def _signed(incident_id: str, ends: int) -> bytes:
    return f"{_PURPOSE}\n{incident_id}\n{ends}".encode()
