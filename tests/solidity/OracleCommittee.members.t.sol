// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {Fixture} from "./Fixture.sol";

/// @title P9: members change by a quorum's signatures, from the next epoch on, and old signatures stay dead.
contract OracleCommitteeMembersTest is Fixture {
    uint256 private constant UNTIL = GENESIS + 1_000 * LENGTH;

    struct Quorum {
        uint256 members;
        uint256 quorum;
        bool accepted;
    }

    function _change(uint256[] memory by, uint256 signed, uint256[] memory to, uint256 quorum) private {
        address[] memory members = _addresses(to);
        bytes32 digest = committee.membersDigest(oracle, members, quorum, feeRecipient, UNTIL);
        IOracleCommittee.Signature[] memory signatures = _signed(by, digest, signed);
        committee.changeMembers(oracle, members, quorum, feeRecipient, UNTIL, signatures);
    }

    function _reportBy(uint256[] memory keys, uint256 epoch) private {
        bytes32 digest = committee.reportDigest(oracle, epoch, "root", "evidence");
        committee.report(oracle, epoch, "root", "evidence", _signed(keys, digest, 3));
    }

    function test_P9_a_quorum_is_more_than_half_and_can_be_reached() external {
        Quorum[12] memory rows = [
            Quorum(0, 0, false),
            Quorum(1, 0, false),
            Quorum(1, 1, true),
            Quorum(1, 2, false),
            Quorum(2, 1, false),
            Quorum(2, 2, true),
            Quorum(3, 1, false),
            Quorum(3, 2, true),
            Quorum(4, 2, false),
            Quorum(4, 3, true),
            Quorum(4, 4, true),
            Quorum(4, 5, false)
        ];
        for (uint256 i; i < rows.length; ++i) {
            (uint256 members, uint256 quorum) = (rows[i].members, rows[i].quorum);
            address[] memory addresses = _addresses(_newKeys("row", members));
            if (!rows[i].accepted) {
                vm.expectRevert(
                    abi.encodeWithSelector(IOracleCommittee.QuorumNotMajority.selector, quorum, members)
                );
            }
            committee.createCommittee(addresses, quorum, feeRecipient);
        }
    }

    function test_P9_a_change_cannot_make_the_quorum_unreachable() external {
        uint256[] memory keys = _keysOf(oracle);
        uint256[] memory fewer = _newKeys("fewer", 2);
        bytes32 digest = committee.membersDigest(oracle, _addresses(fewer), 3, feeRecipient, UNTIL);
        IOracleCommittee.Signature[] memory signatures = _signed(keys, digest, 4);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.QuorumNotMajority.selector, 3, 2));
        committee.changeMembers(oracle, _addresses(fewer), 3, feeRecipient, UNTIL, signatures);
    }

    function test_P9_members_are_distinct_and_not_nobody() external {
        address[] memory members = _addresses(_newKeys("member", 3));
        (address first, address second) = (members[0], members[1]);
        (members[0], members[1]) = (second, first);
        _expectNotAscending(second, first);
        committee.createCommittee(members, 2, feeRecipient);
        (members[0], members[1]) = (first, first);
        _expectNotAscending(first, first);
        committee.createCommittee(members, 2, feeRecipient);
        members[0] = address(0);
        _expectNotAscending(address(0), address(0));
        committee.createCommittee(members, 2, feeRecipient);
    }

    function _expectNotAscending(address former, address next) private {
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.MembersNotAscending.selector, former, next));
    }

    function test_a_committee_has_64_members_at_most_and_a_fee_recipient() external {
        address[] memory members = _addresses(_newKeys("member", 65));
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.TooManyMembers.selector, 65, 64));
        committee.createCommittee(members, 33, feeRecipient);
        members = _addresses(_newKeys("member", 3));
        vm.expectRevert(IOracleCommittee.ZeroFeeRecipient.selector);
        committee.createCommittee(members, 2, address(0));
    }

    function test_P9_a_change_takes_a_quorum_of_the_members_now() external {
        uint256[] memory keys = _keysOf(oracle);
        uint256[] memory next = _newKeys("next", 4);
        address[] memory members = _addresses(next);
        bytes32 digest = committee.membersDigest(oracle, members, 3, feeRecipient, UNTIL);
        IOracleCommittee.Signature[] memory signatures = _signed(keys, digest, 2);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.TooFewSignatures.selector, 2, 3));
        committee.changeMembers(oracle, members, 3, feeRecipient, UNTIL, signatures);
        signatures = _signed(next, digest, 3);
        address expected = vm.addr(keys[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.WrongSignature.selector, 0, expected));
        committee.changeMembers(oracle, members, 3, feeRecipient, UNTIL, signatures);
        _change(keys, 3, next, 3);
        vm.assertEq(committee.versions(oracle), 2, "version");
    }

    function test_a_change_says_what_binds_from_when() external {
        uint256[] memory next = _newKeys("next", 4);
        address[] memory members = _addresses(next);
        _goTo(7);
        bytes32 config = keccak256(abi.encode(oracle, 2, members, 3));
        bytes32 digest = committee.membersDigest(oracle, members, 3, feeRecipient, UNTIL);
        IOracleCommittee.Signature[] memory signatures = _signed(_keysOf(oracle), digest, 3);
        vm.expectEmit();
        emit IOracleCommittee.CommitteeConfigured(oracle, 2, 8, members, 3, feeRecipient, config);
        committee.changeMembers(oracle, members, 3, feeRecipient, UNTIL, signatures);
        vm.assertEq(committee.configAt(oracle, 8).digest, config, "digest");
        vm.assertEq(committee.configAt(oracle, 8).members.length, 4, "members");
    }

    function test_P9_an_epoch_is_reported_by_the_members_at_its_start() external {
        uint256[] memory former = _keysOf(oracle);
        uint256[] memory next = _newKeys("next", 4);
        _goTo(1);
        _change(former, 3, next, 3);
        _goToTime(_start(2));
        bytes32 digest = committee.reportDigest(oracle, 1, "root", "evidence");
        IOracleCommittee.Signature[] memory signatures = _signed(next, digest, 3);
        address expected = vm.addr(former[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.WrongSignature.selector, 0, expected));
        committee.report(oracle, 1, "root", "evidence", signatures);
        _reportBy(former, 1);
        _goToTime(_start(3));
        _reportBy(next, 2);
    }

    function test_P9_a_report_signed_before_a_change_does_not_count_after_it() external {
        uint256[] memory keys = _keysOf(oracle);
        bytes32 old = committee.reportDigest(oracle, 2, "root", "evidence");
        _goTo(1);
        _change(keys, 3, keys, 3); // the same members again: only the version differs
        _goToTime(_start(3));
        address expected = vm.addr(keys[0]);
        IOracleCommittee.Signature[] memory signatures = _signed(keys, old, 3);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.WrongSignature.selector, 0, expected));
        committee.report(oracle, 2, "root", "evidence", signatures);
        _reportBy(keys, 2);
    }

    function test_P9_a_change_cannot_be_made_twice_with_the_same_signatures() external {
        uint256[] memory keys = _keysOf(oracle);
        address[] memory members = _addresses(keys);
        bytes32 digest = committee.membersDigest(oracle, members, 4, feeRecipient, UNTIL);
        IOracleCommittee.Signature[] memory signatures = _signed(keys, digest, 3);
        committee.changeMembers(oracle, members, 4, feeRecipient, UNTIL, signatures);
        address expected = vm.addr(keys[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.WrongSignature.selector, 0, expected));
        committee.changeMembers(oracle, members, 4, feeRecipient, UNTIL, signatures);
    }

    function test_P9_a_change_that_was_signed_and_overtaken_stays_dead() external {
        uint256[] memory keys = _keysOf(oracle);
        address[] memory overtaken = _addresses(_newKeys("overtaken", 4));
        bytes32 digest = committee.membersDigest(oracle, overtaken, 3, feeRecipient, UNTIL);
        IOracleCommittee.Signature[] memory signatures = _signed(keys, digest, 3);
        _change(keys, 3, keys, 3);
        _pass(1);
        address expected = vm.addr(keys[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.WrongSignature.selector, 0, expected));
        committee.changeMembers(oracle, overtaken, 3, feeRecipient, UNTIL, signatures);
    }

    function test_P9_a_change_that_was_signed_counts_until_its_time_and_no_longer() external {
        uint256[] memory keys = _keysOf(oracle);
        address[] memory members = _addresses(_newKeys("next", 4));
        bytes32 digest = committee.membersDigest(oracle, members, 3, feeRecipient, UNTIL);
        IOracleCommittee.Signature[] memory signatures = _signed(keys, digest, 3);
        vm.warp(UNTIL + 1);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.ChangeExpired.selector, UNTIL));
        committee.changeMembers(oracle, members, 3, feeRecipient, UNTIL, signatures);
        address expected = vm.addr(keys[0]);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.WrongSignature.selector, 0, expected));
        committee.changeMembers(oracle, members, 3, feeRecipient, UNTIL + 1, signatures); // not what was signed
        vm.warp(UNTIL);
        committee.changeMembers(oracle, members, 3, feeRecipient, UNTIL, signatures);
        vm.assertEq(committee.versions(oracle), 2, "version");
    }

    function test_of_two_changes_in_one_epoch_the_later_binds() external {
        uint256[] memory keys = _keysOf(oracle);
        uint256[] memory last = _newKeys("last", 4);
        _change(keys, 3, _newKeys("first", 4), 3);
        _change(keys, 3, last, 3); // still signed by those in force now
        _goToTime(_start(2));
        _reportBy(last, 1);
    }

    function test_the_fee_recipient_is_the_one_in_force_now() external {
        uint256[] memory keys = _keysOf(oracle);
        address[] memory members = _addresses(keys);
        bytes32 digest = committee.membersDigest(oracle, members, 3, payout, UNTIL);
        committee.changeMembers(oracle, members, 3, payout, UNTIL, _signed(keys, digest, 3));
        vm.assertEq(committee.feeRecipient(oracle), feeRecipient, "until the epoch's end");
        _pass(1);
        vm.assertEq(committee.feeRecipient(oracle), payout, "from the next epoch on");
    }
}
