// Reads the inputs of the golden vectors, prints their outputs as ethers and OpenZeppelin's library compute them.
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { AbiCoder, Wallet, TypedDataEncoder, concat, id, keccak256, toBeHex } from "ethers";

const leafTypes = ["uint8", "address", "uint256", "uint256", "bytes32", "bytes32"];
const abi = AbiCoder.defaultAbiCoder();

function merkle({ leaves }) {
  const rows = leaves.map((l) => [l.kind, l.fund_contract, l.fund, l.epoch, l.mirrors_digest, l.payload_digest]);
  const tree = StandardMerkleTree.of(rows, leafTypes);
  const index = new Map([...tree.entries()].map(([i, row]) => [JSON.stringify(row), i]));
  return {
    root: tree.root,
    leaves: rows.map((row) => ({ hash: tree.leafHash(row), proof: tree.getProof(index.get(JSON.stringify(row))) })),
  };
}

function vector({ entries }) {
  const bytes = concat(entries.map(({ weight, alive }) => toBeHex(BigInt(weight) + (alive ? 1n << 31n : 0n), 4)));
  return { vector: bytes, digest: keccak256(bytes) };
}

function low224(hash) {
  return toBeHex(BigInt(hash) & ((1n << 224n) - 1n), 32);
}

function mirrors({ events }) {
  let digest = "0x" + "00".repeat(32);
  const digests = events.map((e) => {
    const [types, values] =
      e.kind === "registered"
        ? [
            ["bytes32", "uint256", "uint256", "address", "bytes32", "uint256"],
            [digest, e.mirror, e.position, e.operator, id(e.url), e.binds_from],
          ]
        : [["bytes32", "uint256", "uint256"], [digest, e.mirror, e.end]];
    digest = low224(keccak256(abi.encode(types, values)));
    return digest;
  });
  return { digests };
}

function payout({ reward, target, fee_bps, weights }) {
  const fee = weights.length ? (BigInt(reward) * BigInt(fee_bps)) / 10000n : 0n;
  const net = BigInt(reward) - fee;
  const credits = weights.map((weight) => (net * BigInt(weight)) / (BigInt(target) * 1_000_000_000n));
  const paid = credits.reduce((sum, credit) => sum + credit, fee);
  const told = { fee, paid, returned: BigInt(reward) - paid };
  return { ...Object.fromEntries(Object.entries(told).map(([k, v]) => [k, `${v}`])), credits: credits.map(String) };
}

async function typed({ key, domain, types, message }) {
  const wallet = new Wallet(key);
  return {
    signer: wallet.address,
    digest: TypedDataEncoder.hash(domain, types, message),
    signature: await wallet.signTypedData(domain, types, message),
  };
}

const compute = { merkle, vector, mirrors, payout, report: typed, bundle: typed, members: typed, acceptance: typed };
const inputs = JSON.parse(readFileSync(0, "utf8"));
const outputs = {};
for (const [name, cases] of Object.entries(inputs)) {
  outputs[name] = await Promise.all(cases.map(compute[name]));
}
console.log(JSON.stringify(outputs));
