// Builds the trees of tests/vectors/locks.json with OpenZeppelin's public package: locks in on standard input, as JSON
// lists of lists of values, and out on standard output each tree's root, leaves and proofs, in the order of the locks.
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const types = ["bytes32", "uint8", "uint96", "bool", "uint40", "address", "bytes32"];
const sets = JSON.parse(readFileSync(0, "utf8"));
const trees = sets.map((locks) => {
  const tree = StandardMerkleTree.of(locks, types);
  return {
    root: tree.root,
    leaves: locks.map((lock) => tree.leafHash(lock)),
    proofs: locks.map((lock) => tree.getProof(lock)),
  };
});
process.stdout.write(JSON.stringify(trees));
