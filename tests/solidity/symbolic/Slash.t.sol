// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title P11: what is locked and burned of a stake stays within the fund's caps, whatever a quorum signs.
/// @dev From any state of the contract's whole storage, by anyone.
contract SlashSymbolic is Symbolic {
    function setUp() public override {
        super.setUp();
        _forget();
    }

    /// @dev One lock takes at most the cap of an epoch, and all locks and burns together at most the cap for life.
    function check_P11_a_lock_stays_within_both_caps(
        uint256 mirror,
        uint256 epoch,
        uint256 segment,
        uint256 set,
        bytes32 root
    ) external {
        committee.tell(IOracleCommittee.Outcome.Final, root);
        IRedundancyFund.Mirror memory m = book.mirrorOf(mirror);
        _decided(m.fund);

        book.lockStake(mirror, epoch, segment, set, new bytes32[](0));

        IRedundancyFund.Mirror memory now_ = book.mirrorOf(mirror);
        (address judge, uint16 epochBps, uint16 lifeBps) = book.slashingOf(m.fund);
        uint256 registered = uint256(m.stake) + m.slashed;
        assert(judge != address(0));
        assert(now_.stake == m.stake && now_.slashed == m.slashed);
        assert(now_.locked - m.locked == book.lockOf(mirror, epoch).amount);
        assert(now_.locked - m.locked <= registered * epochBps / 10_000);
        assert(uint256(now_.locked) + now_.slashed <= registered * lifeBps / 10_000);
    }

    /// @dev Whatever else became of an epoch locks nothing.
    function check_P11_no_lock_without_a_final_report(
        uint256 mirror,
        uint256 epoch,
        uint256 segment,
        uint256 set,
        uint8 outcome,
        bytes32 root
    ) external {
        vm.assume(outcome <= uint8(type(IOracleCommittee.Outcome).max));
        vm.assume(outcome != uint8(IOracleCommittee.Outcome.Final));
        committee.tell(IOracleCommittee.Outcome(outcome), root);
        _decided(book.mirrorOf(mirror).fund);

        bytes memory call = abi.encodeCall(book.lockStake, (mirror, epoch, segment, set, new bytes32[](0)));
        (bool done,) = address(book).call(call);
        assert(!done);
    }

    /// @dev Burning moves what is locked, and nothing else; only the arbiter can, and in time; releasing takes nothing.
    function check_P11_a_lock_is_burned_by_the_arbiter_or_released(
        address caller,
        uint256 mirror,
        uint256 epoch,
        bool burned
    ) external {
        vm.assume(caller != address(0));
        IRedundancyFund.Mirror memory m = book.mirrorOf(mirror);
        IRedundancyFund.Lock memory l = book.lockOf(mirror, epoch);
        address judge = book.arbiterOf(m.fund);

        vm.prank(caller);
        book.resolveLock(mirror, epoch, burned);

        IRedundancyFund.Mirror memory now_ = book.mirrorOf(mirror);
        assert(l.state == IRedundancyFund.LockState.Locked);
        assert(m.locked - now_.locked == l.amount);
        assert(now_.slashed - m.slashed == (burned ? l.amount : 0));
        assert(m.stake - now_.stake == (burned ? l.amount : 0));
        assert(!burned || (caller == judge && TODAY < uint256(l.placed) + 4));
    }

    /// @dev A lock cannot be resolved twice, nor the same epoch locked again.
    function check_P11_a_lock_is_resolved_once(address caller, uint256 mirror, uint256 epoch, bool burned)
        external
    {
        vm.prank(caller);
        book.resolveLock(mirror, epoch, burned);
        assert(book.lockOf(mirror, epoch).state != IRedundancyFund.LockState.Locked);
        assert(book.lockOf(mirror, epoch).state != IRedundancyFund.LockState.None);
    }
}
