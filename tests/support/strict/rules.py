"""The rules by name, and what of them a template breaks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from support.deployed_roles import Deployed
from support.strict import events, functions, names, policies
from support.strict.stack import Stack


@dataclass(frozen=True)
class Refusal:
    """A rule that a template breaks, and how."""

    rule: str
    why: str


Rule = Callable[[Stack], Iterator[str]]
RULES: Mapping[str, Rule] = {
    "one queue a policy": policies.queue_policy_covers_one_queue,
    "sids": policies.sids_are_plain_and_unique,
    "policy sizes": policies.policies_fit,
    "trust by account": policies.no_principal_is_a_role,
    "actions": policies.actions_exist_and_fit,
    "alarms may publish": policies.alarms_may_publish,
    "names fit": names.names_fit,
    "names of two Regions": names.names_do_not_collide,
    "table attributes": names.tables_declare_their_keys_only,
    "environment": functions.environments_fit,
    "timeouts": functions.timeouts_add_up,
    "recursion": functions.functions_that_feed_themselves_may,
    "asynchronous retries": functions.asynchronous_calls_are_settled,
    "log groups": functions.functions_log_into_groups_of_the_stack,
    "API for other accounts": functions.apis_are_rest,
    "API logs": functions.api_logs_have_the_accounts_role,
    "read-only events": events.rules_let_read_only_events_through,
    "sending to a bus": events.senders_to_a_bus_have_a_role,
    "buses": events.buses_take_events_of_others_by_policy,
    "third accounts": events.no_event_goes_on_to_a_third_account,
    "trails": events.trails_log_what_is_needed,
    "stack sets": events.stack_sets_may_name_roles,
}


def refusals(deployed: Deployed) -> list[Refusal]:
    """All that AWS would refuse, or not do, in a template with these parameters."""
    stack = Stack(deployed)
    return [Refusal(name, why) for name, rule in RULES.items() for why in rule(stack)]
