// iam-simulate's own engine over JSON Lines cases; the package is found in the folder given.
//   node engine.mjs FOLDER CASES answers            one {"id","decision"} a line
//   node engine.mjs FOLDER CASES many               cases with `requests` instead of one request:
//       one list of whether each is allowed a line, policies parsed once a case
//   node engine.mjs FOLDER CASES speed SECONDS      what an evaluation costs, as one JSON object of
//       {wall: evaluations a second, cpu: microseconds of CPU time} by row:
//       parse      parse a case's policies and evaluate its request, case after case
//       backfill   policies parsed once, then its request for many objects
//       sweep      policies parsed once, then each case's one request, case after case
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
  list.map((level) => ({ orgIdentifier: level.orgId, policies: [...added, ...named(level.policies)] }));
const FULL_RCP = named([RCP_FULL_ACCESS]);
const NO_RCPS = [{ orgIdentifier: "none", policies: FULL_RCP }];
const one = (policy, name) => (policy ? loadPolicy(policy, { name }) : undefined);

function policies(c) {
  return {
    sessionPolicy: one(c.sessionPolicy, "session"),
    identityPolicies: named(c.identityPolicies),
    serviceControlPolicies: c.scps?.length ? levels(c.scps, []) : NO_SCPS,
    resourceControlPolicies: c.rcps?.length ? levels(c.rcps, FULL_RCP) : NO_RCPS,
    resourcePolicy: one(c.resourcePolicy, "resource"),
    permissionBoundaries: c.permissionBoundaries?.length ? named(c.permissionBoundaries) : undefined,
    vpcEndpointPolicies: c.vpcEndpointPolicies?.length ? named(c.vpcEndpointPolicies) : undefined,
    simulationParameters: parameters,
    serviceSettings: c.settings ?? undefined,
  };
}

// No SCPs means "not in force": the engine wants a level that allows all.
const NO_SCPS = [
  {
    orgIdentifier: "none",
    policies: named([
      {
        name: "FullAWSAccess",
        policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] },
      },
    ]),
  },
];

function request(c, suffix = "") {
  return asked(c.request, suffix);
}

function asked({ principal, action, resource, context, wildcardOnlyAction }, suffix = "") {
  return new AwsRequestImpl(
    principal === "anonymous" ? { type: "Anonymous" } : principal,
    { resource: resource.arn + suffix, accountId: resource.accountId },
    action,
    new RequestContextImpl(context ?? {}),
    wildcardOnlyAction ?? false,
  );
}

const cases = readFileSync(casesFile, "utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line));

const OBJECTS = 50;

// What doing it cost: evaluations a second of wall time, and microseconds of CPU time for each
// evaluation, of all threads of the process (V8 compiles and collects garbage in threads beside).
class Meter {
  spent = 0;
  cpu = 0;
  done = 0;
  time(work) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    this.done += work();
    const { user, system } = process.cpuUsage(before);
    this.spent += performance.now() - start;
    this.cpu += user + system;
  }
  figures() {
    return { wall: (this.done * 1000) / this.spent, cpu: this.cpu / this.done };
  }
}

function measured(work) {
  const until = (limit) => {
    const meter = new Meter();
    while (meter.spent < limit * 1000) meter.time(work);
    return meter.figures();
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
} else if (mode === "many") {
  for (const c of cases) {
    const p = policies(c);
    const decide = (one) => authorize({ request: asked(one), ...p }).result === "Allowed";
    console.log(JSON.stringify(c.requests.map(decide)));
  }
} else {
  const parse = measured(() => {
    for (const c of cases) authorize({ request: request(c), ...policies(c) });
    return cases.length;
  });
  const loaded = cases.map((c) => [request(c), policies(c)]);
  const sweep = measured(() => {
    for (const [r, p] of loaded) authorize({ request: r, ...p });
    return cases.length;
  });
  const backfill = new Meter();
  for (const c of cases) {
    const p = policies(c);
    const objects = c.request.resource.arn.includes("/") ? OBJECTS : 1;
    const requests = Array.from({ length: OBJECTS }, (_, n) => request(c, objects > 1 ? `-${n}` : ""));
    const all = () => {
      for (const r of requests) authorize({ request: r, ...p });
      return requests.length;
    };
    all();
    backfill.time(all);
  }
  console.log(JSON.stringify({ parse, backfill: backfill.figures(), sweep }));
}
