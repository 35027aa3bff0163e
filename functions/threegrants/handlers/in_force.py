"""What is in force: the settings and the configuration together, as the packages take them. Pure."""

from dataclasses import dataclass, replace

from threegrants.analysis import AnalysisOptions
from threegrants.configuration import Configuration
from threegrants.evidence import MemberAccounts
from threegrants.handlers.settings import Settings
from threegrants.incidents.hourly_limits import HourlyLimits
from threegrants.notifications.alert_policy import AlertPolicy
from threegrants.remediation import Limits
from threegrants.remediation.page_access import PageAccess
from threegrants.suppression import SuppressionRules, presets_named

_OWN_TAGS = Limits().protecting_tags
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What is in force until the configuration is read again.

    Args:
        configuration: the configuration that it follows from.
        readable: the accounts that may be read: those to read, the trusted ones, the one that may
            read AWS Organizations, and those of the organisation.
        owners: the accounts of them that may be asked whether they own a bucket.
        writable: the accounts that may be written to.
        analysis_options: where patches may go, and how they are cut.
        suppression: which denials are not diagnosed.
        hourly_limits: how many incidents are opened, and alerts sent, in one hour.
        limits: what may be applied.
        alerts: what the operator decided about alerts, and the page that they link to.
        page: who may do what on the approval page.
    """

    configuration: Configuration
    readable: MemberAccounts
    owners: tuple[str, ...]
    writable: MemberAccounts
    analysis_options: AnalysisOptions
    suppression: SuppressionRules
    hourly_limits: HourlyLimits
    limits: Limits
    alerts: AlertPolicy
    page: PageAccess


def in_force(settings: Settings, configuration: Configuration) -> InForce:
    """What a function's settings and the configuration come to."""
    trusted = configuration.trusted_accounts
    organizations = settings.organizations_account
    owners = (
        *configuration.accounts_to_read,
        *trusted,
        *([organizations] if organizations else ()),
    )
    return InForce(
        configuration=configuration,
        readable=MemberAccounts(frozenset(owners), "AccountsToRead", settings.organization_id),
        owners=tuple(dict.fromkeys(owners)),
        writable=MemberAccounts(frozenset(trusted), "TrustedAccounts"),
        analysis_options=AnalysisOptions(
            writable=frozenset(trusted),
            profile=settings.key_use_profile,
            principal=settings.patch_principal,
            owner_tags=configuration.owner_tags,
            write_owned=settings.write_owned,
            require_patchable_tag=settings.require_patchable_tag,
            analyzer=settings.access_analyzer,
            kept_tags=configuration.alerts.tag_names,
        ),
        suppression=SuppressionRules(
            presets=presets_named(configuration.presets),
            never_diagnose=configuration.never_diagnose,
            own_roles=settings.own_roles,
        ),
        hourly_limits=configuration.hourly_limits,
        limits=Limits(
            trusted=frozenset(trusted),
            organization=settings.organization_id,
            protected=configuration.protected_resources,
            protecting_tags=(*_OWN_TAGS, *configuration.protecting_tags),
            four_eyes=configuration.four_eyes,
            approval_seconds=_HOUR * configuration.approval_hours,
            grant_hours=configuration.grant_hours,
            patches_an_hour=configuration.patches_per_hour,
            require_patchable_tag=settings.require_patchable_tag,
            role_prefix=settings.remediation_role_prefix,
            standing_approvals=configuration.standing_approvals,
        ),
        alerts=replace(configuration.alerts, page=settings.page_address),
        page=configuration.page,
    )
