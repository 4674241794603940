import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

// The wasm compiler from npm: nothing is downloaded, and its bytes are the same on every machine.
const path = require.resolve("solc/soljson.js");
const version = require("solc/package.json").version;
const settings = { optimizer: { enabled: true, runs: 10_000 }, viaIR: true, evmVersion: "cancun" };

const whole = (name, otherwise) => Number(process.env[name] ?? otherwise);

/** @type {import("hardhat/config").HardhatUserConfig} */
export default {
  solidity: {
    profiles: {
      default: { version, path, settings },
      production: { version, path, settings },
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
      fuzz: { runs: whole("FUZZ_RUNS", 256), seed: process.env.FUZZ_SEED ?? "0x01" },
      invariant: { runs: whole("INVARIANT_RUNS", 64), depth: whole("INVARIANT_DEPTH", 64), failOnRevert: false },
    },
  },
  paths: {
    sources: "./contracts",
    tests: { solidity: "./tests/solidity" },
    cache: "./cache",
    artifacts: "./artifacts",
  },
};
