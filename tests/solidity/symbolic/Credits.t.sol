// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Symbolic} from "./Symbolic.sol";

/// @title P7: credits fall only in withdraw, there by what is sent, and only the one that is withdrawn.
/// @dev Every call that can change the state, from any state of the contract's whole storage, by anyone;
/// settle, which needs a state of a given size, is in Settlement.t.sol.
contract CreditsSymbolic is Symbolic {
    struct Any {
        address caller;
        uint256 mirror;
    }

    function setUp() public override {
        super.setUp();
        _forget();
    }

    /// @dev A mirror's credit never falls, whatever the call does.
    modifier keeps(Any calldata any) {
        uint256 before = _any(any);
        _;
        assert(book.creditOf(any.mirror) >= before);
    }

    function _any(Any calldata any) private returns (uint256 credit) {
        vm.assume(any.mirror > 0 && any.mirror <= book.mirrors());
        vm.assume(any.caller != address(0));
        return book.creditOf(any.mirror);
    }

    /// @dev The token of a fund is an account like any other; here it is one that the prover knows.
    function _known(uint256 fund) private {
        vm.assume(book.fundOf(fund).token == address(token));
    }

    function check_P7_createFund(Any calldata any, IRedundancyFund.Offer calldata offer, uint96 stake)
        external
        keeps(any)
    {
        IRedundancyFund.Slashing memory slashing = IRedundancyFund.Slashing(arbiter, 2_000, 5_000);
        vm.prank(any.caller);
        book.createFund(
            IRedundancyFund.NewFund(address(token), offer, stake, slashing, "notes", "{}", "release", "https://notes.example")
        );
    }

    function check_P7_publishRelease(Any calldata any, uint256 fund, bytes32 digest) external keeps(any) {
        vm.prank(any.caller);
        book.publishRelease(fund, digest, "https://notes.example");
    }

    function check_P7_announceChange(Any calldata any, uint256 fund, IRedundancyFund.Offer calldata offer)
        external
        keeps(any)
    {
        _decided(fund);
        vm.prank(any.caller);
        book.announceChange(fund, offer, "{}");
    }

    function check_P7_topUp(Any calldata any, uint256 fund, uint256 amount) external {
        _known(fund);
        _decided(fund);
        uint256 before = _any(any);
        vm.prank(any.caller);
        book.topUp(fund, amount);
        assert(book.creditOf(any.mirror) >= before);
    }

    function check_P7_giveNotice(Any calldata any, uint256 deposit) external keeps(any) {
        vm.prank(any.caller);
        book.giveNotice(deposit);
    }

    function check_P7_depart(Any calldata any, uint256 deposit) external keeps(any) {
        _decided(book.depositOf(deposit).fund);
        vm.prank(any.caller);
        book.depart(deposit);
    }

    function check_P7_collect(Any calldata any, uint256 deposit) external {
        _known(book.depositOf(deposit).fund);
        uint256 before = _any(any);
        vm.prank(any.caller);
        book.collect(deposit);
        assert(book.creditOf(any.mirror) >= before);
    }

    /// @dev A new mirror's record is empty: what the contract keeps.
    function check_P7_register(Any calldata any, uint256 fund, address payout) external {
        uint256 before = _any(any);
        vm.assume(book.mirrors() > 0);
        _decided(fund);
        vm.prank(any.caller);
        book.register(fund, "https://notes.example", payout, 0, 0);
        assert(book.creditOf(any.mirror) >= before);
    }

    /// @dev The same in the place of one that has left: that one's credit is put aside, the others' are not touched.
    function check_P7_register_in_ones_own_place(Any calldata any, uint256 fund, address payout) external {
        uint256 before = _any(any);
        _decided(fund);
        vm.prank(any.caller);
        book.register(fund, "https://notes.example", payout, 0, any.mirror);
        assert(book.creditOf(any.mirror) >= before);
    }

    function check_P7_register_in_anothers_place(Any calldata any, uint256 fund, address payout, uint256 former)
        external
    {
        uint256 before = _any(any);
        _decided(fund);
        vm.assume(former > 0 && former <= book.mirrors() && former != any.mirror);
        _apart(any.mirror, former);
        vm.prank(any.caller);
        book.register(fund, "https://notes.example", payout, 0, former);
        assert(book.creditOf(any.mirror) >= before);
    }

    function check_P7_exit(Any calldata any, uint256 mirror) external keeps(any) {
        vm.prank(any.caller);
        book.exit(mirror);
    }

    function check_P7_removeDead(Any calldata any, uint256 mirror) external keeps(any) {
        vm.prank(any.caller);
        book.removeDead(mirror);
    }

    function check_P7_changePayout(Any calldata any, uint256 mirror, address payout) external keeps(any) {
        vm.prank(any.caller);
        book.changePayout(mirror, payout);
    }

    function check_P7_releaseStake(Any calldata any, uint256 mirror) external keeps(any) {
        vm.prank(any.caller);
        book.releaseStake(mirror);
    }

    /// @dev The report is final, and its root any: what else it may be is refused.
    function check_P7_lockStake(Any calldata any, uint256 mirror, uint256 epoch, uint256 segment, uint256 set, bytes32 root)
        external
    {
        committee.tell(IOracleCommittee.Outcome.Final, root);
        uint256 before = _any(any);
        _decided(book.mirrorOf(mirror).fund);
        vm.prank(any.caller);
        book.lockStake(mirror, epoch, segment, set, new bytes32[](0));
        assert(book.creditOf(any.mirror) >= before);
    }

    function check_P7_answerLock(Any calldata any, uint256 mirror, uint256 epoch) external keeps(any) {
        vm.prank(any.caller);
        book.answerLock(mirror, epoch, "it was the disk");
    }

    function check_P7_resolveLock(Any calldata any, uint256 mirror, uint256 epoch, bool burned) external keeps(any) {
        vm.prank(any.caller);
        book.resolveLock(mirror, epoch, burned);
    }

    function check_P7_withdrawFee(Any calldata any, uint256 by) external keeps(any) {
        vm.prank(any.caller);
        book.withdrawFee(by, address(token));
    }

    /// @dev One's own withdrawal takes exactly what is sent, to one's payout address.
    function check_P7_withdraw(Any calldata any) external {
        uint256 before = _any(any);
        IRedundancyFund.Mirror memory m = book.mirrorOf(any.mirror);
        _known(m.fund);
        vm.assume(m.payout != address(book));
        uint256 held = token.balanceOf(m.payout);
        vm.prank(any.caller);
        uint256 amount = book.withdraw(any.mirror);
        assert(book.creditOf(any.mirror) == before - amount);
        assert(token.balanceOf(m.payout) == held + amount);
    }

    /// @dev Another's withdrawal changes no credit.
    function check_P7_withdraw_of_another(Any calldata any, uint256 mirror) external {
        uint256 before = _any(any);
        vm.assume(mirror != any.mirror);
        _apart(any.mirror, mirror);
        _known(book.mirrorOf(mirror).fund);
        vm.prank(any.caller);
        book.withdraw(mirror);
        assert(book.creditOf(any.mirror) == before);
    }

    /// @dev Two mirrors do not hold one position: what the contract keeps.
    function _apart(uint256 one, uint256 other) private {
        IRedundancyFund.Mirror memory m = book.mirrorOf(one);
        IRedundancyFund.Mirror memory o = book.mirrorOf(other);
        bool shared = m.fund == o.fund && m.position == o.position && !m.displaced && !o.displaced;
        vm.assume(!shared);
    }
}
