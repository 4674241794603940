// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {Fixture} from "./Fixture.sol";
import {ContractMember} from "./actors/ContractMember.sol";

/// @title P9 and P10: whose signatures make a report, and when.
contract OracleCommitteeReportsTest is Fixture {
    bytes32 private constant ROOT = "root";

    struct Threshold {
        uint256 members;
        uint256 quorum;
        uint256 signed;
        bool accepted;
    }

    Threshold[] private _thresholds;

    function setUp() public override {
        super.setUp();
        _thresholds.push(Threshold(1, 1, 0, false));
        _thresholds.push(Threshold(1, 1, 1, true));
        _thresholds.push(Threshold(2, 2, 1, false));
        _thresholds.push(Threshold(2, 2, 2, true));
        _thresholds.push(Threshold(3, 2, 1, false));
        _thresholds.push(Threshold(3, 2, 2, true));
        _thresholds.push(Threshold(3, 2, 3, true));
        _thresholds.push(Threshold(4, 3, 2, false));
        _thresholds.push(Threshold(4, 3, 3, true));
        _thresholds.push(Threshold(4, 3, 4, true));
        _thresholds.push(Threshold(7, 5, 4, false));
        _thresholds.push(Threshold(7, 5, 5, true));
        _thresholds.push(Threshold(64, 33, 32, false));
        _thresholds.push(Threshold(64, 33, 33, true));
    }

    function _signatures(uint256 id, uint256 epoch, uint256 count)
        private
        view
        returns (IOracleCommittee.Signature[] memory)
    {
        return _signed(_keysOf(id), committee.reportDigest(id, epoch, ROOT, "evidence"), count);
    }

    function _post(uint256 epoch, IOracleCommittee.Signature[] memory signatures) private {
        vm.prank(poster);
        committee.report(oracle, epoch, ROOT, "evidence", signatures);
    }

    function _assertOutcome(uint256 epoch, IOracleCommittee.Outcome expected, bytes32 root, string memory why) private view {
        (IOracleCommittee.Outcome outcome, bytes32 stored) = committee.outcome(oracle, epoch);
        vm.assertEq(uint256(outcome), uint256(expected), why);
        vm.assertEq(stored, root, why);
    }

    function test_P9_a_quorum_and_no_less_makes_a_report() external {
        for (uint256 i; i < _thresholds.length; ++i) {
            Threshold memory row = _thresholds[i];
            uint256 id = _newCommittee("threshold", row.members, row.quorum);
            _goToTime(_start(1));
            IOracleCommittee.Signature[] memory signatures = _signatures(id, 0, row.signed);
            if (!row.accepted) {
                vm.expectRevert(
                    abi.encodeWithSelector(IOracleCommittee.TooFewSignatures.selector, row.signed, row.quorum)
                );
            }
            committee.report(id, 0, ROOT, "evidence", signatures);
        }
    }

    function test_a_report_says_who_signed_and_who_posted() external {
        _goToTime(_start(1));
        IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 3);
        vm.expectEmit();
        emit IOracleCommittee.Reported(oracle, 0, ROOT, "evidence", 7, poster);
        _post(0, signatures);
    }

    function test_signatures_count_in_any_order(uint256 seed) external {
        _goToTime(_start(1));
        IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 4);
        for (uint256 i; i < 4; ++i) {
            uint256 other = uint256(keccak256(abi.encode(seed, i))) % 4;
            (signatures[i], signatures[other]) = (signatures[other], signatures[i]);
        }
        _post(0, signatures);
        _assertOutcome(0, IOracleCommittee.Outcome.Pending, ROOT, "reported");
    }

    function test_P9_a_member_counts_once() external {
        _goToTime(_start(1));
        for (uint256 member; member < 3; ++member) {
            IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 4);
            signatures[3] = signatures[member];
            vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.DuplicateSignature.selector, member));
            _post(0, signatures);
        }
    }

    function test_P9_a_stranger_is_no_member() external {
        _goToTime(_start(1));
        IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 3);
        signatures[1].member = 4;
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.UnknownMember.selector, 4, 4));
        _post(0, signatures);
        signatures[1].member = 256; // must not wrap around in the bits of who signed
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.UnknownMember.selector, 256, 4));
        _post(0, signatures);
    }

    function test_P9_one_false_signature_spoils_even_a_report_that_has_a_quorum_without_it() external {
        _goToTime(_start(1));
        bytes32 digest = committee.reportDigest(oracle, 0, ROOT, "evidence");
        IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 4);
        signatures[3].signature = _signature(uint256(keccak256("rogue")), digest);
        _expectWrongSignature(3);
        _post(0, signatures);
    }

    function _expectWrongSignature(uint256 member) private {
        address expected = vm.addr(_keysOf(oracle)[member]);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.WrongSignature.selector, member, expected));
    }

    function test_P9_signatures_of_another_chain_do_not_count() external {
        _goToTime(_start(1));
        IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 3);
        vm.chainId(4242);
        _expectWrongSignature(0);
        _post(0, signatures);
    }

    function test_P9_signatures_for_another_contract_do_not_count() external {
        IOracleCommittee other = _newCommitteeContract(CLOCK);
        other.createCommittee(_addresses(_keysOf(oracle)), 3, feeRecipient);
        bytes32 digest = other.reportDigest(oracle, 0, ROOT, "evidence");
        _goToTime(_start(1));
        IOracleCommittee.Signature[] memory signatures = _signed(_keysOf(oracle), digest, 3);
        _expectWrongSignature(0);
        _post(0, signatures);
    }

    function test_P9_signatures_for_another_epoch_committee_root_or_evidence_do_not_count() external {
        uint256 twin = _newCommittee("member", 4, 3);
        _goToTime(_start(2));
        bytes32[4] memory others = [
            committee.reportDigest(oracle, 0, ROOT, "evidence"),
            committee.reportDigest(twin, 1, ROOT, "evidence"),
            committee.reportDigest(oracle, 1, "another root", "evidence"),
            committee.reportDigest(oracle, 1, ROOT, "other evidence")
        ];
        for (uint256 i; i < others.length; ++i) {
            IOracleCommittee.Signature[] memory signatures = _signed(_keysOf(oracle), others[i], 3);
            _expectWrongSignature(0);
            _post(1, signatures);
        }
        _post(1, _signatures(oracle, 1, 3));
    }

    function test_P10_no_report_before_the_epochs_end() external {
        _goToTime(_start(1) - 1);
        IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 3);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.EpochNotOver.selector, 0, _start(1)));
        _post(0, signatures);
        _assertOutcome(0, IOracleCommittee.Outcome.Open, 0, "open");
        _goToTime(_start(1));
        _post(0, signatures);
    }

    function test_P10_a_report_may_come_until_the_last_second_of_the_grace() external {
        _goToTime(_start(1) + GRACE - 1);
        _assertOutcome(0, IOracleCommittee.Outcome.Open, 0, "still open");
        _post(0, _signatures(oracle, 0, 3));
        _assertOutcome(0, IOracleCommittee.Outcome.Pending, ROOT, "reported");
        vm.assertLe(block.timestamp + WINDOW, committee.finalBy(0), "final in time");
    }

    function test_P10_an_epoch_without_a_report_in_its_grace_is_missed_for_good() external {
        IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 3);
        _goToTime(_start(1) + GRACE);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.GraceOver.selector, 0, _start(1)));
        _post(0, signatures);
        _assertOutcome(0, IOracleCommittee.Outcome.Missed, 0, "missed");
        _pass(1_000);
        _assertOutcome(0, IOracleCommittee.Outcome.Missed, 0, "for good");
    }

    function test_P10_an_epoch_has_one_report() external {
        _report(oracle, 0, ROOT);
        bytes32 digest = committee.reportDigest(oracle, 0, "another root", "evidence");
        IOracleCommittee.Signature[] memory signatures = _signed(_keysOf(oracle), digest, 4);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.AlreadyReported.selector, 0));
        committee.report(oracle, 0, "another root", "evidence", signatures);
        _assertOutcome(0, IOracleCommittee.Outcome.Pending, ROOT, "the first one");
    }

    function test_a_report_is_final_when_its_window_has_closed() external {
        _report(oracle, 0, ROOT);
        _goToTime(_start(1) + WINDOW - 1);
        _assertOutcome(0, IOracleCommittee.Outcome.Pending, ROOT, "pending");
        _goToTime(_start(1) + WINDOW);
        _assertOutcome(0, IOracleCommittee.Outcome.Final, ROOT, "final");
    }

    function test_a_root_of_zero_is_no_report() external {
        _goToTime(_start(1));
        vm.expectRevert(IOracleCommittee.ZeroRoot.selector);
        committee.report(oracle, 0, 0, "evidence", new IOracleCommittee.Signature[](3));
    }

    function test_an_unknown_committee_cannot_report() external {
        _goToTime(_start(1));
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.UnknownCommittee.selector, 9));
        committee.report(9, 0, ROOT, "evidence", new IOracleCommittee.Signature[](3));
    }

    function test_a_contract_can_be_a_member_by_erc1271() external {
        uint256 key = uint256(keccak256("key of a contract"));
        address[] memory members = new address[](1);
        members[0] = address(new ContractMember(vm.addr(key)));
        uint256 id = committee.createCommittee(members, 1, feeRecipient);
        _goToTime(_start(1));
        bytes32 digest = committee.reportDigest(id, 0, ROOT, "evidence");
        IOracleCommittee.Signature[] memory signatures = new IOracleCommittee.Signature[](1);
        signatures[0] = IOracleCommittee.Signature(0, _signature(uint256(keccak256("rogue")), digest));
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.WrongSignature.selector, 0, members[0]));
        committee.report(id, 0, ROOT, "evidence", signatures);
        signatures[0].signature = _signature(key, digest);
        committee.report(id, 0, ROOT, "evidence", signatures);
    }

    function test_P10_a_member_whose_account_has_code_cannot_hold_up_a_report() external {
        _goTo(1);
        IOracleCommittee.Signature[] memory signatures = _signatures(oracle, 0, 3);
        vm.etch(vm.addr(_keysOf(oracle)[0]), hex"00");
        _post(0, signatures);
        _assertOutcome(0, IOracleCommittee.Outcome.Pending, ROOT, "its key counts");
    }

    function test_epochs_are_counted_from_the_genesis(uint256 time) external {
        time = _bound(time, GENESIS, GENESIS + 10_000 * LENGTH);
        vm.warp(time);
        uint256 epoch = committee.currentEpoch();
        vm.assertLe(_start(epoch), time, "started");
        vm.assertGe(_start(epoch + 1), time + 1, "not over");
    }

    function test_before_the_genesis_it_is_epoch_zero() external {
        vm.warp(GENESIS - 1);
        vm.assertEq(committee.currentEpoch(), 0, "epoch");
    }

    function test_a_clock_needs_an_epoch_and_a_grace() external {
        vm.expectRevert(IOracleCommittee.InvalidClock.selector);
        _newCommitteeContract(IOracleCommittee.Clock(0, 0, 1, 1, 1));
        vm.expectRevert(IOracleCommittee.InvalidClock.selector);
        _newCommitteeContract(IOracleCommittee.Clock(0, 1, 0, 1, 1));
        IOracleCommittee.Clock memory clock = committee.clock();
        vm.assertEq(clock.genesis, GENESIS, "genesis");
        vm.assertEq(clock.epochLength, LENGTH, "length");
        vm.assertEq(clock.grace, GRACE, "grace");
        vm.assertEq(clock.window, WINDOW, "window");
        IOracleCommittee.Clock memory least = _newCommitteeContract(IOracleCommittee.Clock(0, 1, 1, 0, 0)).clock();
        vm.assertEq(least.epochLength + least.grace, 2, "a second of each is enough");
    }
}
