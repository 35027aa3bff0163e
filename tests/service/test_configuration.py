"""The configuration as the stack makes it, read and deployed anew on the embedded AWS."""

import json

import pytest

from service.embedded import CALLER, OWNER
from threegrants.configuration import parse_configuration

pytestmark = pytest.mark.xdist_group("service")  # one embedded AWS for all


def test_the_configuration_is_made_of_the_parameters_and_can_be_deployed_anew(embedded):
    """What every function of the other tests works by; a change and its undoing, as people make them."""
    place = {
        name: embedded.outputs[f"Configuration{name}"]
        for name in ("ApplicationId", "EnvironmentId", "ProfileId", "StrategyId")
    }
    control, data = embedded.client("appconfig"), embedded.client("appconfigdata")
    token = data.start_configuration_session(
        ApplicationIdentifier=place["ApplicationId"],
        EnvironmentIdentifier=place["EnvironmentId"],
        ConfigurationProfileIdentifier=place["ProfileId"],
    )["InitialConfigurationToken"]

    def read():
        nonlocal token
        answer = data.get_latest_configuration(ConfigurationToken=token)
        token = answer["NextPollConfigurationToken"]
        return answer["Configuration"].read()

    def deploy(version):
        control.start_deployment(
            ApplicationId=place["ApplicationId"],
            EnvironmentId=place["EnvironmentId"],
            ConfigurationProfileId=place["ProfileId"],
            DeploymentStrategyId=place["StrategyId"],
            ConfigurationVersion=str(version),
        )

    made = read()
    found = parse_configuration(made)
    assert found.trusted_accounts == (OWNER, CALLER)
    assert found.four_eyes == {"write", "delete"}
    assert found.hourly_limits.alerts.everyone == 1000
    assert read() == b"", "what is known is not sent again"
    version = control.create_hosted_configuration_version(
        ApplicationId=place["ApplicationId"],
        ConfigurationProfileId=place["ProfileId"],
        ContentType="application/json",
        Content=json.dumps(found.to_json() | {"owner_tags": ["nothing-has-it"]}).encode(),
    )["VersionNumber"]
    deploy(version)
    assert parse_configuration(read()).owner_tags == ("nothing-has-it",)
    deploy(version - 1)
    assert read() == made
