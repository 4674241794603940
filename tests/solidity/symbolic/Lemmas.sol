// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Arithmetic that a prover of bits does not find by itself: each is proved alone, for all numbers of these
/// sizes, and then assumed for the numbers of a settlement.
/// @dev `net` has 96 bits, a weight 31, `most` (the target times ONE) and sums of weights 40, sums of shares 128. Without
/// branches, as each would double the paths to prove.
abstract contract Lemmas {
    /// @dev A fee of at most a fifth is at most the reward.
    function feeFits(uint256 reward, uint256 feeBps) internal pure returns (bool) {
        unchecked {
            return _then(_and(reward < 1 << 96, feeBps <= 2_000), reward * feeBps / 10_000 <= reward);
        }
    }

    /// @dev A share rounds down, and is as small as one would think.
    function shareFits(uint256 net, uint256 weight, uint256 most) internal pure returns (bool) {
        unchecked {
            bool sizes = _and(_and(net < 1 << 96, weight < 1 << 31), _and(most < 1 << 40, most > 0));
            uint256 share = _div(net * weight, most);
            return _then(sizes, _and(share * most <= net * weight, share < 1 << 128));
        }
    }

    /// @dev Products distribute over sums, of any numbers and with any overflow.
    function distributes(uint256 factor, uint256 u, uint256 v) internal pure returns (bool) {
        unchecked {
            return _and((u + v) * factor == u * factor + v * factor, factor * (u + v) == factor * u + factor * v);
        }
    }

    /// @dev A product has at most as many bits as its factors together.
    function productFits(uint256 a, uint256 b) internal pure returns (bool) {
        unchecked {
            return _then(_and(a < 1 << 128, b < 1 << 40), a * b < 1 << 168);
        }
    }

    /// @dev What holds for two parts holds for their sum. Follows from the two above.
    function sumFits(uint256 net, uint256 most, uint256 u, uint256 s, uint256 v, uint256 t)
        internal
        pure
        returns (bool)
    {
        unchecked {
            bool sizes = _and(_and(net < 1 << 96, most < 1 << 40), _and(_and(u < 1 << 40, v < 1 << 40), _and(s < 1 << 128, t < 1 << 128)));
            bool each = _and(s * most <= net * u, t * most <= net * v);
            return _then(_and(sizes, each), (s + t) * most <= net * (u + v));
        }
    }

    /// @dev Weights of at most `most` earn at most `net`.
    function restFits(uint256 net, uint256 most, uint256 sum, uint256 shares) internal pure returns (bool) {
        unchecked {
            bool sizes = _and(_and(net < 1 << 96, shares < 1 << 128), _and(most < 1 << 40, most > 0));
            return _then(_and(sizes, _and(sum <= most, shares * most <= net * sum)), shares <= net);
        }
    }

    function _and(bool a, bool b) internal pure returns (bool both) {
        assembly ("memory-safe") {
            both := and(a, b)
        }
    }

    function _then(bool a, bool b) internal pure returns (bool holds) {
        assembly ("memory-safe") {
            holds := or(iszero(a), b)
        }
    }

    /// @dev As in the contract: zero if it divides by zero.
    function _div(uint256 a, uint256 b) internal pure returns (uint256 c) {
        assembly ("memory-safe") {
            c := div(a, b)
        }
    }
}
