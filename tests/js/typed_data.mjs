// Reads [{domain, types, message}], prints the EIP-712 digest of each as ethers has it.
import { readFileSync } from "node:fs";
import { TypedDataEncoder } from "ethers";

const given = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(given.map(({ domain, types, message }) => TypedDataEncoder.hash(domain, types, message))));
