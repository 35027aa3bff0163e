"""The table of runs and the keys of its seals on moto, as `template.yaml` makes them."""

from typing import Any

import boto3

from support.aws import Aws
from support.names import REGION
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.seals import Seals, Signer


def runs_table(incidents: Any, dynamodb: Any = None) -> Any:
    """The table of runs beside a table of incidents; of the one's name, with another ending."""
    return Aws().runs_table(f"{incidents.name}-runs", dynamodb)


def mac_keys() -> dict[Signer, str]:
    """A new key for the seals of the approver, and one for those of the worker."""
    kms = boto3.client("kms", region_name=REGION)
    return {
        signer: kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"][
            "Arn"
        ]
        for signer in Signer
    }


def run_store(
    runs: Any, incidents: Any, keys: dict[Signer, str], signer: Signer | None
) -> RunStore:
    """The run store as one of the functions has it: the approver's, the worker's, or one that reads."""
    kms = boto3.client("kms", region_name=REGION)
    return RunStore(runs, incidents, Seals(kms, keys, signer))
