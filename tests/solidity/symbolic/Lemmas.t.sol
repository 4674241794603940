// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Lemmas} from "./Lemmas.sol";
import {Prover} from "./Symbolic.sol";

/// @title The lemmas, for all numbers.
contract LemmasSymbolic is Lemmas {
    Prover private constant vm = Prover(address(uint160(uint256(keccak256("hevm cheat code")))));

    function check_lemma_fee_fits(uint256 reward, uint256 feeBps) external pure {
        assert(feeFits(reward, feeBps));
    }

    function check_lemma_share_fits(uint256 net, uint256 weight, uint256 most) external pure {
        assert(shareFits(net, weight, most));
    }

    /// @dev How OpenZeppelin's `Math.ternary` chooses, in whose place the proofs have an if.
    function check_lemma_choice(bool condition, uint256 a, uint256 b) external pure {
        uint256 bit = condition ? 1 : 0;
        unchecked {
            assert(b ^ ((a ^ b) * bit) == (condition ? a : b));
        }
    }

    function check_lemma_distributes(uint256 factor, uint256 u, uint256 v) external pure {
        assert(distributes(factor, u, v));
    }

    function check_lemma_product_fits(uint256 a, uint256 b) external pure {
        assert(productFits(a, b));
    }

    function check_lemma_sum_fits(uint256 net, uint256 most, uint256 u, uint256 s, uint256 v, uint256 t) external {
        vm.assume(_and(distributes(most, s, t), distributes(net, u, v)));
        vm.assume(_and(productFits(s, most), productFits(t, most)));
        vm.assume(_and(productFits(net, u), productFits(net, v)));
        assert(sumFits(net, most, u, s, v, t));
    }

    function check_lemma_rest_fits(uint256 net, uint256 most, uint256 sum, uint256 shares) external pure {
        assert(restFits(net, most, sum, shares));
    }
}
