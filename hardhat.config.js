import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

// The wasm compiler from npm: nothing is downloaded, and its bytes are the same on every machine.
const path = require.resolve("solc/soljson.js");
const version = require("solc/package.json").version;
// Tests run once: optimizing them would take longer than all of them do. The contracts they test come from artifacts.
// What has the same settings by default is compiled in one go; each override costs a compiler of its own.
const plain = { optimizer: { enabled: false }, viaIR: false, evmVersion: "cancun" };
// 200 runs: 4 kB smaller than 10,000 for half a percent of gas, and contracts have a size limit.
const deployed = { optimizer: { enabled: true, runs: 200 }, viaIR: true, evmVersion: "cancun" };
// The invariants' handler would be larger than a contract may be.
const small = { ...plain, optimizer: { enabled: true, runs: 1 } };

const contracts = ["RedundancyFund", "OracleCommittee", "Endowment", "dev/DemoToken", "dev/WrappedNative"];
const overrides = Object.fromEntries([
  ...contracts.map((name) => [`contracts/${name}.sol`, { version, path, settings: deployed }]),
  ["tests/solidity/invariants/Handler.sol", { version, path, settings: small }],
]);

const whole = (name, otherwise) => Number(process.env[name] ?? otherwise);

/** @type {import("hardhat/config").HardhatUserConfig} */
export default {
  solidity: {
    profiles: {
      default: { compilers: [{ version, path, settings: plain }], overrides },
    },
  },
  networks: {
    // `hardhat node`, where anvil is missing: like a real node it mines a reverting transaction (status 0).
    node: {
      type: "edr-simulated",
      chainType: "l1",
      hardfork: "osaka",
      chainId: 31337,
      throwOnTransactionFailures: false,
      // Else every block takes a second of its own, and the chain's clock runs away from this machine's.
      allowBlocksWithSameTimestamp: true,
    },
  },
  test: {
    solidity: {
      fsPermissions: { readDirectory: ["tests/golden"], writeFile: [process.env.INVARIANT_COUNTERS ?? "cache/invariants.txt"] },
      fuzz: { runs: whole("FUZZ_RUNS", 256), seed: process.env.FUZZ_SEED ?? "0x01" },
      invariant: { runs: whole("INVARIANT_RUNS", 10), depth: whole("INVARIANT_DEPTH", 500), failOnRevert: true, shrinkRunLimit: whole("INVARIANT_SHRINK", 64) },
    },
  },
  paths: {
    sources: "./contracts",
    tests: { solidity: "./tests/solidity" },
    cache: "./cache",
    artifacts: "./artifacts",
  },
};
