"""Where the configuration is read: the document that AppConfig has deployed, kept for a minute.

If it cannot be read or is not valid, nothing is in force: no account is entered and nothing is written.
The last good document counts only as long as it would have been kept anyway.
"""

import boto3
from aws_lambda_powertools.utilities.parameters import AppConfigProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from threegrants.configuration import (
    Configuration,
    ConfigurationUnreadableError,
    parse_configuration,
)
from threegrants.handlers.settings import ConfigurationPlace

MAX_AGE_SECONDS = 60.0
"""For how long a document is used before AppConfig is asked for a newer one."""


class ConfigurationSource:
    """What reads the document; it keeps the session with AppConfig, and nothing else.

    Args:
        place: where the document is.
    """

    def __init__(self, place: ConfigurationPlace) -> None:
        self.place = place
        self._provider: AppConfigProvider | None = None

    def read(self) -> Configuration:
        """The configuration that is deployed now.

        Raises:
            ConfigurationUnreadableError: if AppConfig does not give it.
            ConfigurationError: if it is not valid.
        """
        return parse_configuration(self._text())

    def _text(self) -> bytes:
        """The document. A session's token is good for one call and for 24 hours: it may be used up.

        Source: https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_appconfigdata_GetLatestConfiguration.html
        """
        if self._provider is not None:
            try:
                return self._ask(self._provider)
            except GetParameterError:
                self._provider = None
        # A client of the default session, so that no read outlasts the function (time_left.py).
        provider = AppConfigProvider(
            self.place.environment,
            self.place.application,
            boto3_client=boto3.client("appconfigdata"),
        )
        try:
            text = self._ask(provider)
        except GetParameterError as error:
            words = " ".join(str(error).split())[:300]
            raise ConfigurationUnreadableError(
                f"AppConfig does not give the configuration {self.place}: {words}; deploy a document "
                "there, and let the function's role read it (docs/configuration.md)"
            ) from error
        self._provider = provider
        return text

    def _ask(self, provider: AppConfigProvider) -> bytes:
        found = provider.get(self.place.profile, force_fetch=True)
        return found if isinstance(found, bytes) else str(found).encode()
