// iam-simulate's own engine over JSON Lines cases; the package is found in the folder given.
//   node engine.mjs FOLDER CASES answers            one {"id","decision"} a line
//   node engine.mjs FOLDER CASES speed SECONDS      {"parse": per second, "compiled": per second}
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, casesFile, mode, seconds] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(folder, "node_modules/@cloud-copilot", path)).href);
const simulator = "iam-simulate/dist/esm/";
const { authorize } = await load(simulator + "core_engine/CoreSimulatorEngine.js");
const { AwsRequestImpl } = await load(simulator + "request/request.js");
const { RequestContextImpl } = await load(simulator + "requestContext.js");
const { DiscoveryContextKeyConstraints } = await load(
  simulator + "context_keys/discoveryContextKeyConstraints.js",
);
const { loadPolicy } = await load("iam-policy/dist/esm/index.js");

// RCPFullAWSAccess is attached to every level of every organisation; the engine wants to see it.
const RCP_FULL_ACCESS = {
  name: "RCPFullAWSAccess",
  policy: {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: "*", Action: "*", Resource: "*" }],
  },
};
const parameters = {
  simulationMode: "Strict",
  discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints(),
};

const named = (list) => (list ?? []).map(({ name, policy }) => loadPolicy(policy, { name }));
const levels = (list, added) =>
  (list ?? []).map((level) => ({
    orgIdentifier: level.orgId,
    policies: named([...added, ...level.policies]),
  }));
const one = (policy, name) => (policy ? loadPolicy(policy, { name }) : undefined);

function policies(c) {
  return {
    sessionPolicy: one(c.sessionPolicy, "session"),
    identityPolicies: named(c.identityPolicies),
    serviceControlPolicies: levels(c.scps, []),
    resourceControlPolicies: levels(c.rcps?.length ? c.rcps : [{ orgId: "none", policies: [] }], [
      RCP_FULL_ACCESS,
    ]),
    resourcePolicy: one(c.resourcePolicy, "resource"),
    permissionBoundaries: c.permissionBoundaries?.length ? named(c.permissionBoundaries) : undefined,
    vpcEndpointPolicies: c.vpcEndpointPolicies?.length ? named(c.vpcEndpointPolicies) : undefined,
    simulationParameters: parameters,
    serviceSettings: c.settings ?? undefined,
  };
}

// No SCPs means "not in force": the engine wants a level that allows all.
const ALLOW_ALL = {
  orgId: "none",
  policies: [
    {
      name: "FullAWSAccess",
      policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] },
    },
  ],
};
const prepared = (c) => ({ ...c, scps: c.scps?.length ? c.scps : [ALLOW_ALL] });

function request(c) {
  const { principal, action, resource, context, wildcardOnlyAction } = c.request;
  return new AwsRequestImpl(
    principal === "anonymous" ? { type: "Anonymous" } : principal,
    { resource: resource.arn, accountId: resource.accountId },
    action,
    new RequestContextImpl(context ?? {}),
    wildcardOnlyAction ?? false,
  );
}

const cases = readFileSync(casesFile, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => prepared(JSON.parse(line)));

function perSecond(work) {
  const until = (limit) => {
    let done = 0;
    const start = performance.now();
    while (performance.now() - start < limit * 1000) done += work();
    return (done * 1000) / (performance.now() - start);
  };
  until(Number(seconds) / 2);
  return until(Number(seconds));
}

if (mode === "answers") {
  for (const c of cases) {
    let decision;
    try {
      decision = authorize({ request: request(c), ...policies(c) }).result;
    } catch (error) {
      decision = `Error: ${error.message}`;
    }
    console.log(JSON.stringify({ id: c.id, decision }));
  }
} else {
  const parse = perSecond(() => {
    for (const c of cases) authorize({ request: request(c), ...policies(c) });
    return cases.length;
  });
  const loaded = cases.map((c) => [c, policies(c)]);
  const compiled = perSecond(() => {
    for (const [c, p] of loaded) authorize({ request: request(c), ...p });
    return cases.length;
  });
  console.log(JSON.stringify({ parse, compiled }));
}
