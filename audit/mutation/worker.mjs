// Compiles one mutant after the other and runs the Solidity tests on it, in one process that stays warm: the compiler
// and Hardhat's EVM are loaded once, the tests compiled once. A line of JSON in, a line of JSON out.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [root, packages] = process.argv.slice(2); // a copy of contracts/ and tests/; where node_modules is
const require = createRequire(`${packages}/`);
const solc = require("solc");
const edr = require("@nomicfoundation/edr");

// The legacy pipeline without the optimizer: three times as fast, and what it computes is the same.
const SETTINGS = {
  evmVersion: "cancun",
  viaIR: false,
  optimizer: { enabled: false },
  metadata: { appendCBOR: false, bytecodeHash: "none" },
};
// An endless loop costs a second, and the most expensive test a tenth of this.
const GAS_LIMIT = 2_000_000_000n;
const HARDFORK = "Osaka";
const CODE = ["evm.bytecode.object"];

const texts = new Map();
function read(name) {
  if (!texts.has(name)) texts.set(name, readFileSync(name.startsWith("@") ? `${packages}/node_modules/${name}` : `${root}/${name}`, "utf8"));
  return texts.get(name);
}

function compile(sources, outputSelection) {
  const content = Object.fromEntries(Object.entries(sources).map(([name, text]) => [name, { content: text }]));
  const input = { language: "Solidity", sources: content, settings: { ...SETTINGS, outputSelection } };
  const found = (name) => ({ contents: sources[name] ?? read(name) });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: found }));
  const error = (output.errors ?? []).find((one) => one.severity === "error");
  return { output, error: error?.formattedMessage };
}

function solidity(folder) {
  return readdirSync(`${root}/${folder}`, { recursive: true })
    .filter((file) => file.endsWith(".sol") && !file.startsWith("symbolic"))
    .map((file) => `${folder}/${file}`);
}

function artifact(source, name, contract) {
  const [bytecode, deployedBytecode] = [contract.evm.bytecode, contract.evm.deployedBytecode].map((one) => `0x${one.object}`);
  const links = { linkReferences: {}, deployedLinkReferences: {} };
  return {
    id: { name, source, solcVersion: require("solc/package.json").version },
    contract: { abi: JSON.stringify(contract.abi), bytecode, deployedBytecode, ...links },
  };
}

function build() {
  const names = [...solidity("contracts"), ...solidity("tests/solidity")];
  const wanted = { "*": { "*": ["abi", "evm.deployedBytecode.object", ...CODE] } };
  const { output, error } = compile(Object.fromEntries(names.map((name) => [name, read(name)])), wanted);
  if (error) throw new Error(error);
  const made = Object.entries(output.contracts);
  return made.flatMap(([source, contracts]) =>
    Object.entries(contracts).map(([name, contract]) => artifact(source, name, contract)),
  );
}

const artifacts = build();
const isTest = ({ type, name }) => type === "function" && /^(test|invariant)/.test(name);
const suites = artifacts.filter(
  ({ id, contract }) => id.source.endsWith(".t.sol") && contract.bytecode !== "0x" && JSON.parse(contract.abi).some(isTest),
);
const context = new edr.EdrContext();
await context.registerSolidityTestRunnerFactory(edr.L1_CHAIN_TYPE, edr.l1SolidityTestRunnerFactory());

/** The names and reasons of a suite's failed tests; `code` replaces a contract's. */
function run(suite, code, { fuzz, runs, depth }) {
  const all = artifacts.map((one) =>
    code && one.id.name === code.name && one.id.source === code.source
      ? { ...one, contract: { ...one.contract, bytecode: code.bytecode } }
      : one,
  );
  const config = {
    projectRoot: root,
    hardfork: HARDFORK,
    disableBlockGasLimit: true,
    disableTransactionGasCap: true,
    gasLimit: GAS_LIMIT,
    localPredeploys: edr.l1GenesisState(edr.l1HardforkFromString(HARDFORK)),
    fsPermissions: [{ access: edr.FsAccessPermission.ReadDirectory, path: "tests/golden" }],
    fuzz: { runs: fuzz, seed: "0x01" },
    invariant: { runs, depth, failOnRevert: true },
    collectStackTraces: edr.CollectStackTraces.OnFailure,
    includeTraces: edr.IncludeTraces.None,
  };
  return new Promise((resolve, reject) => {
    const done = ({ testResults }) =>
      resolve(testResults.filter(({ status }) => status === "Failure").map(({ name, reason }) => ({ name, reason })));
    context
      .runSolidityTests(edr.L1_CHAIN_TYPE, all, [suite.id], config, { buildInfos: [], ignoreContracts: false }, done)
      .catch(reject);
  });
}

const commands = {
  /** The syntax trees of some files. */
  trees({ files }) {
    const { output, error } = compile(Object.fromEntries(files.map((name) => [name, read(name)])), { "*": { "": ["ast"] } });
    if (error) throw new Error(error);
    return { trees: Object.fromEntries(files.map((name) => [name, { text: read(name), tree: output.sources[name].ast }])) };
  },

  suites: () => ({ suites: suites.map(({ id }) => id.name) }),

  /** Without `file`, the contracts as they are. Stops after the first suite in which a test fails that is not known to. */
  async try({ file, text, contract, source, stages, known }) {
    let code;
    if (file) {
      const { output, error } = compile({ [source]: read(source), [file]: text }, { [source]: { [contract]: CODE } });
      if (error) return { verdict: "uncompilable", why: error.split("\n")[0] };
      code = { source, name: contract, bytecode: `0x${output.contracts[source][contract].evm.bytecode.object}` };
      const { output: plain } = original(source, contract);
      if (plain === code.bytecode) return { verdict: "same" };
    }
    const failed = [];
    for (const stage of stages) {
      for (const name of stage.suites) {
        const results = await run(suites.find(({ id }) => id.name === name), code, stage);
        failed.push(...results.map((one) => ({ suite: name, ...one })).filter((one) => !known.includes(`${name}.${one.name}`)));
        if (file && failed.length > 0) return { verdict: "killed", by: failed[0] };
      }
    }
    return file ? { verdict: "survived" } : { failed };
  },
};

const originals = new Map();
function original(source, contract) {
  if (!originals.has(source)) {
    const { output } = compile({ [source]: read(source) }, { [source]: { [contract]: CODE } });
    originals.set(source, { output: `0x${output.contracts[source][contract].evm.bytecode.object}` });
  }
  return originals.get(source);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await commands[command](rest))}\n`);
}
process.exit(0);
