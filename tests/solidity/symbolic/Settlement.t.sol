// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Lemmas} from "./Lemmas.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title P2: one settlement of one epoch never credits more than its reward, and never lowers a credit (P7).
/// @dev Symbolic: what the committee says and signed, the reward, the target, the fee, every weight, every sign of life,
/// and what was credited before.
contract SettlementSymbolic is Symbolic, Lemmas {
    struct Before {
        uint256 credits;
        uint256 fees;
        uint256[3] credit;
    }

    function check_P2_one_mirror(uint8 outcome, bytes32 root, bytes32 terms, bytes32 half, uint32 a) external {
        _settle(outcome, root, terms, [half, 0], abi.encodePacked(a));
    }

    function check_P2_two_mirrors(uint8 outcome, bytes32 root, bytes32 terms, bytes32 pair, uint32 a, uint32 b)
        external
    {
        _settle(outcome, root, terms, [pair, 0], abi.encodePacked(a, b));
    }

    function check_P2_three_mirrors(
        uint8 outcome,
        bytes32 root,
        bytes32 terms,
        bytes32[2] calldata pairs,
        uint32 a,
        uint32 b,
        uint32 c
    ) external {
        _settle(outcome, root, terms, pairs, abi.encodePacked(a, b, c));
    }

    function _settle(uint8 outcome, bytes32 root, bytes32 terms, bytes32[2] memory pairs, bytes memory vector) private {
        vm.assume(outcome <= uint8(type(IOracleCommittee.Outcome).max));
        committee.tell(IOracleCommittee.Outcome(outcome), root);
        vm.store(address(book), _pair(0), pairs[0]);
        vm.store(address(book), _pair(1), pairs[1]);
        uint256 reward = _bind(terms);
        uint256[3] memory before = _credits();
        for (uint256 i; i < 3; ++i) {
            // what was ever credited was deposited, and so is this epoch's reward (P1)
            vm.assume(before[i] + reward <= type(uint96).max);
        }
        uint256 fees = book.fees(1, address(token));
        _assumeLemmas(vector);

        IRedundancyFund.Reveal[] memory reveals = new IRedundancyFund.Reveal[](1);
        reveals[0].vector = vector;
        book.settle(FUND, reveals);

        uint256 paid = book.fees(1, address(token)) - fees;
        uint256[3] memory afterwards = _credits();
        for (uint256 i; i < 3; ++i) {
            assert(afterwards[i] >= before[i]);
            paid += afterwards[i] - before[i];
        }
        assert(paid <= reward);
    }

    /// @dev Epoch 1 is owed on these terms.
    function _bind(bytes32 terms) private returns (uint256 reward) {
        vm.store(address(book), _segment(1), terms);
        IRedundancyFund.Segment memory s = book.segmentOf(FUND, 1);
        vm.assume(s.first == 1);
        vm.assume(s.last == 1);
        vm.assume(s.committee == 1);
        vm.assume(s.reward > 0);
        vm.assume(_and(s.target > 0, s.target <= 256));
        vm.assume(s.feeBps <= 2_000);
        return s.reward;
    }

    function _credits() private view returns (uint256[3] memory credit) {
        for (uint256 i; i < 3; ++i) {
            credit[i] = book.creditOf(i + 1);
        }
    }

    /// @dev The lemmas (each proved by itself) for the numbers of this vector.
    function _assumeLemmas(bytes memory vector) private {
        IRedundancyFund.Segment memory s = book.segmentOf(FUND, 1);
        unchecked {
            uint256 fee = uint256(s.reward) * uint256(s.feeBps) / 10_000;
            vm.assume(feeFits(s.reward, s.feeBps));
            uint256 net = s.reward - fee;
            uint256 most = s.target * ONE;
            (uint256 sum, uint256 shares) = (0, 0);
            for (uint256 i; i < vector.length; i += 4) {
                uint256 word;
                assembly ("memory-safe") {
                    word := shr(224, mload(add(add(vector, 32), i)))
                }
                uint256 weight = word & 0x7fffffff;
                uint256 share = _div(net * weight, most);
                vm.assume(shareFits(net, weight, most));
                vm.assume(sumFits(net, most, sum, shares, weight, share));
                (sum, shares) = (sum + weight, shares + share);
                vm.assume(restFits(net, most, weight, share));
            }
            vm.assume(restFits(net, most, sum, shares));
        }
    }
}
