// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../contracts/interfaces/IOracleCommittee.sol";
import {Fixture} from "./Fixture.sol";
import {ContractMember} from "./actors/ContractMember.sol";

/// @title What members pledge, and what two bundles for one epoch cost; and how a committee takes on a fund.
contract OracleCommitteeBondsTest is Fixture {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    uint256 private constant NOTICE = LENGTH + GRACE + WINDOW + ARBITRATION;
    uint256 private key;
    address private member;

    function setUp() public override {
        super.setUp();
        key = _keysOf(oracle)[0];
        member = vm.addr(key);
        _post(member, 3 ether);
    }

    function _post(address by, uint256 amount) private {
        vm.deal(by, amount);
        vm.prank(by);
        committee.postBond{value: amount}(oracle);
    }

    function _bond(address by) private view returns (IOracleCommittee.Bond memory) {
        return committee.bondOf(oracle, by);
    }

    function _bundles(uint256 by, uint256 epoch, bytes32 first, bytes32 second) private view returns (bytes[2] memory) {
        return [
            _signature(by, committee.bundleDigest(oracle, epoch, first)),
            _signature(by, committee.bundleDigest(oracle, epoch, second))
        ];
    }

    // ------------------------------------------------------------------------------------- posting and taking

    function test_a_bond_grows_and_is_the_members_own() external {
        vm.deal(member, 1 ether);
        vm.expectEmit();
        emit IOracleCommittee.Bonded(oracle, member, 4 ether);
        vm.prank(member);
        committee.postBond{value: 1 ether}(oracle);
        vm.assertEq(_bond(member).amount, 4 ether, "amount");
        vm.assertEq(committee.bondOf(oracle + 1, member).amount, 0, "another committee");
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.UnknownCommittee.selector, type(uint256).max));
        committee.postBond(type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NoBond.selector, oracle, rogue));
        vm.prank(rogue);
        committee.postBond(oracle);
        vm.assertEq(wrapped.balanceOf(address(committee)), 4 ether, "held");
    }

    function test_a_bond_comes_back_after_its_notice_whoever_is_gone() external {
        vm.startPrank(member);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.BondNotFree.selector, 0));
        committee.takeBond(oracle);
        uint256 freeFrom = block.timestamp + NOTICE;
        vm.expectEmit();
        emit IOracleCommittee.BondNoticeGiven(oracle, member, freeFrom);
        committee.giveBondNotice(oracle);
        vm.warp(freeFrom - 1);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.BondNotFree.selector, freeFrom));
        committee.takeBond(oracle);
        vm.warp(freeFrom);
        vm.expectEmit();
        emit IOracleCommittee.BondReturned(oracle, member, 3 ether);
        committee.takeBond(oracle);
        vm.assertEq(wrapped.balanceOf(member), 3 ether, "returned");
        bytes memory none = abi.encodeWithSelector(IOracleCommittee.NoBond.selector, oracle, member);
        vm.expectRevert(none);
        committee.takeBond(oracle);
        vm.expectRevert(none);
        committee.giveBondNotice(oracle);
    }

    function test_a_notice_lapses_so_that_no_bond_is_free_for_ever() external {
        vm.startPrank(member);
        committee.giveBondNotice(oracle);
        uint256 until = block.timestamp + 2 * NOTICE;
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.BondNoticeLapsed.selector, until));
        committee.takeBond(oracle);
        committee.giveBondNotice(oracle);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.BondNotFree.selector, until + NOTICE));
        committee.takeBond(oracle);
        vm.warp(until + 2 * NOTICE - 1);
        committee.takeBond(oracle);
        vm.assertEq(wrapped.balanceOf(member), 3 ether, "the last second");
    }

    function test_more_bond_takes_back_the_notice() external {
        vm.prank(member);
        committee.giveBondNotice(oracle);
        _post(member, 1);
        vm.assertEq(_bond(member).freeFrom, 0, "notice");
    }

    function test_a_bond_of_one_unit_is_one() external {
        (uint256 second, uint256 third) = (_keysOf(oracle)[1], _keysOf(oracle)[2]);
        _post(vm.addr(second), 1);
        _post(vm.addr(third), 1);
        vm.startPrank(vm.addr(second));
        committee.giveBondNotice(oracle);
        vm.warp(block.timestamp + NOTICE);
        committee.takeBond(oracle);
        vm.stopPrank();
        vm.assertEq(wrapped.balanceOf(vm.addr(second)), 1, "returned");
        committee.burnBond(oracle, 5, vm.addr(third), [bytes32("one"), "two"], _bundles(third, 5, "one", "two"));
        vm.assertEq(wrapped.balanceOf(BURNED), 1, "burned");
    }

    // ------------------------------------------------------------------------------------------ misconduct

    function test_two_bundles_for_one_epoch_cost_the_bond() external {
        bytes[2] memory signed = _bundles(key, 5, "one", "two");
        vm.prank(member);
        committee.giveBondNotice(oracle); // does not help
        vm.expectEmit();
        emit IOracleCommittee.BondBurned(oracle, member, 5, "one", "two", 3 ether);
        vm.prank(rogue);
        committee.burnBond(oracle, 5, member, [bytes32("one"), "two"], signed);
        vm.assertEq(wrapped.balanceOf(BURNED), 3 ether, "burned");
        vm.assertEq(_bond(member).amount, 0, "bond");
        vm.assertEq(_bond(member).freeFrom, 0, "notice");
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NoBond.selector, oracle, member));
        committee.burnBond(oracle, 5, member, [bytes32("one"), "two"], signed);
    }

    function test_code_that_a_member_gives_its_account_does_not_save_its_bond() external {
        bytes[2] memory signed = _bundles(key, 5, "one", "two");
        vm.etch(member, hex"00"); // as EIP-7702 lets anyone do, who then answers for no signature
        committee.burnBond(oracle, 5, member, [bytes32("one"), "two"], signed);
        vm.assertEq(wrapped.balanceOf(BURNED), 3 ether, "burned");
    }

    function test_one_bundle_or_two_of_different_epochs_cost_nothing() external {
        bytes[2] memory signed = _bundles(key, 5, "one", "one");
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.SameDigest.selector, bytes32("one")));
        committee.burnBond(oracle, 5, member, [bytes32("one"), "one"], signed);
        signed[1] = _signature(key, committee.bundleDigest(oracle, 6, "two"));
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotSigned.selector, member, bytes32("two")));
        committee.burnBond(oracle, 5, member, [bytes32("one"), "two"], signed);
        signed[1] = _signature(key, committee.bundleDigest(oracle + 1, 5, "two"));
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotSigned.selector, member, bytes32("two")));
        committee.burnBond(oracle, 5, member, [bytes32("one"), "two"], signed);
    }

    function test_anothers_signatures_cost_a_member_nothing() external {
        bytes[2] memory signed = _bundles(_keysOf(oracle)[1], 5, "one", "two");
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotSigned.selector, member, bytes32("one")));
        committee.burnBond(oracle, 5, member, [bytes32("one"), "two"], signed);
        vm.assertEq(_bond(member).amount, 3 ether, "bond");
    }

    function test_a_member_that_is_a_contract_answers_for_its_signatures() external {
        uint256 its = uint256(keccak256("a contract's key"));
        ContractMember contractMember = new ContractMember(vm.addr(its));
        _post(address(contractMember), 1 ether);
        committee.burnBond(oracle, 5, address(contractMember), [bytes32("one"), "two"], _bundles(its, 5, "one", "two"));
        vm.assertEq(wrapped.balanceOf(BURNED), 1 ether, "burned");
    }

    // -------------------------------------------------------------------------------------------- acceptance

    function _accepted(uint256 count, uint256 until) private view returns (IOracleCommittee.Signature[] memory) {
        return _signed(_keysOf(oracle), committee.acceptanceDigest(oracle, poster, "terms", until), count);
    }

    function test_P9_a_fund_is_taken_on_by_a_quorum_and_used_once_by_the_contract_named() external {
        uint256 until = block.timestamp + 1 hours;
        IOracleCommittee.Signature[] memory signatures = _accepted(3, until);
        vm.expectEmit();
        emit IOracleCommittee.Accepted(oracle, poster, "terms", until);
        committee.accept(oracle, poster, "terms", until, signatures);
        bytes32 digest = committee.acceptanceDigest(oracle, poster, "terms", until);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.AlreadyAccepted.selector, digest));
        committee.accept(oracle, poster, "terms", until, signatures);
        vm.prank(rogue);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotAccepted.selector, oracle, bytes32("terms")));
        committee.useAcceptance(oracle, "terms");
        vm.warp(until);
        vm.expectEmit();
        emit IOracleCommittee.AcceptanceUsed(oracle, poster, "terms");
        vm.prank(poster);
        committee.useAcceptance(oracle, "terms");
        vm.prank(poster);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotAccepted.selector, oracle, bytes32("terms")));
        committee.useAcceptance(oracle, "terms");
    }

    function test_P9_fewer_than_a_quorum_take_nothing_on() external {
        IOracleCommittee.Signature[] memory signatures = _accepted(2, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.TooFewSignatures.selector, 2, 3));
        committee.accept(oracle, poster, "terms", block.timestamp, signatures);
    }

    function test_an_acceptance_expires_before_it_is_posted_and_after() external {
        uint256 until = block.timestamp + 1 hours;
        IOracleCommittee.Signature[] memory signatures = _accepted(3, until);
        uint256 sooner = until - 30 minutes;
        committee.accept(oracle, poster, "terms", sooner, _accepted(3, sooner));
        vm.warp(sooner + 1);
        vm.prank(poster);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.NotAccepted.selector, oracle, bytes32("terms")));
        committee.useAcceptance(oracle, "terms");
        vm.warp(until + 1);
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.AcceptanceExpired.selector, until));
        committee.accept(oracle, poster, "terms", until, signatures);
    }

    function test_P9_members_whose_accounts_have_code_take_a_fund_on_by_their_keys() external {
        uint256 until = block.timestamp + 1;
        IOracleCommittee.Signature[] memory signatures = _accepted(3, until);
        vm.etch(vm.addr(_keysOf(oracle)[0]), hex"00");
        committee.accept(oracle, poster, "terms", until, signatures);
    }

    function test_P9_an_acceptance_of_former_members_counts_no_more() external {
        uint256 until = block.timestamp + 30 days;
        IOracleCommittee.Signature[] memory signatures = _accepted(3, until);
        bytes32 former = committee.acceptanceDigest(oracle, poster, "terms", until);
        uint256[] memory keys = _keysOf(oracle);
        bytes32 change = committee.membersDigest(oracle, _addresses(keys), 4, feeRecipient, until);
        committee.changeMembers(oracle, _addresses(keys), 4, feeRecipient, until, _signed(keys, change, 3));
        vm.assertEq(committee.acceptanceDigest(oracle, poster, "terms", until), former, "still today's members");
        _pass(1);
        vm.assertTrue(committee.acceptanceDigest(oracle, poster, "terms", until) != former, "another configuration");
        vm.expectRevert(abi.encodeWithSelector(IOracleCommittee.TooFewSignatures.selector, 3, 4));
        committee.accept(oracle, poster, "terms", until, signatures);
    }
}
