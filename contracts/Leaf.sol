// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The one encoding of a report's leaves, as OpenZeppelin's StandardMerkleTree hashes it.
/// @dev Types: ["uint8", "address", "uint256", "uint256", "bytes32", "bytes32"].
library Leaf {
    /// @dev The payload is a weight vector: 4 bytes a position, the top bit a sign of life, the rest the weight.
    uint8 internal constant WEIGHTS = 1;
    /// @dev The payload is a lock on a stake.
    uint8 internal constant SLASH = 2;

    function hash(uint8 kind, address fundContract, uint256 fund, uint256 epoch, bytes32 mirrors, bytes32 payload)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(bytes.concat(keccak256(abi.encode(kind, fundContract, fund, epoch, mirrors, payload))));
    }
}
