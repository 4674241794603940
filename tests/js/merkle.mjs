// Reads a list of leaves (each six values) for each tree, prints roots, leaf hashes and proofs as @openzeppelin/merkle-tree
// has them. Only what lies between is ours.
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const types = ["uint8", "address", "uint256", "uint256", "bytes32", "bytes32"];
const trees = JSON.parse(readFileSync(0, "utf8")).map((leaves) => StandardMerkleTree.of(leaves, types));
const told = trees.map((tree) => ({
  root: tree.root,
  hashes: [...tree.entries()].map(([, leaf]) => tree.leafHash(leaf)),
  proofs: [...tree.entries()].map(([index]) => tree.getProof(index)),
}));
console.log(JSON.stringify(told));
