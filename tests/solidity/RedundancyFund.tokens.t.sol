// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {DemoToken} from "../../contracts/dev/DemoToken.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";
import {BlockingToken} from "./actors/BlockingToken.sol";
import {ReentrantToken} from "./actors/ReentrantToken.sol";
import {
    CallingPermitToken,
    DecimalToken,
    GenerousToken,
    MoodyToken,
    PermitToken,
    PhantomToken,
    QuietToken,
    RebasingToken
} from "./actors/UnusualTokens.sol";

/// @title P13: what each kind of unusual token does, and to whom. The rows of the table in docs/protocol.md.
contract RedundancyFundTokensTest is Fixture {
    uint96 private constant REWARD = 1_000;
    uint256 private good;
    uint256 private fund;

    /// @dev A fund in an ordinary token stands beside each fund in an unusual one, and must never notice.
    function setUp() public override {
        super.setUp();
        good = _newFund(REWARD, 1, 0);
        _deposit(funder, good, 10_000);
    }

    function _open(address currency) private returns (uint256 mirror) {
        fund = _newFundIn(currency, _offer(REWARD, 1, 0));
        _deposit(funder, fund, 10_000);
        mirror = _join(operator, fund);
    }

    function _approved(address currency, uint256 amount) private {
        DemoToken(currency).mint(funder, amount);
        vm.prank(funder);
        DemoToken(currency).approve(address(book), amount);
    }

    function _topUp(uint256 amount) private {
        vm.prank(funder);
        book.topUp(fund, amount);
    }

    /// @dev Everything that needs no transfer of the token, and every fund in another one.
    function _assertOthersIntact(uint256 mirror) private {
        _pass(TERMS.settleTime);
        book.settle(fund, _reveals(1));
        _assertGoodIntact(mirror);
    }

    /// @dev Where nothing is owed in the unusual token itself, and its mirror may be another fund's.
    function _assertGoodIntact(uint256 mirror) private {
        vm.prank(operator);
        book.exit(mirror);
        _pass(TERMS.unbonding + 2);
        book.releaseStake(mirror);
        vm.assertEq(wrapped.balanceOf(operator), STAKE, "the stake comes back");
        vm.assertEq(book.depositOf(1).fund, good, "the other fund's deposit");
        _miss(good, _today() - 2);
        _leave(funder, 1);
        _miss(good, _today() + 1);
        book.collect(1);
        vm.assertEq(token.balanceOf(funder), 10_000, "the other fund pays out in full");
    }

    // ---------------------------------------------------------------------------------------------- amounts

    function test_P13_fee_on_transfer_is_refused() external {
        MoodyToken moody = new MoodyToken();
        fund = _newFundIn(address(moody), _offer(REWARD, 1, 0));
        moody.setFee(1);
        _approved(address(moody), 10_000);
        vm.expectRevert(
            abi.encodeWithSelector(IRedundancyFund.TransferMismatch.selector, address(moody), 10_000, 9_999)
        );
        _topUp(10_000);
        _assertGoodIntact(_join(operator, good));
    }

    function test_P13_a_token_that_brings_more_than_it_takes_is_refused() external {
        GenerousToken generous = new GenerousToken();
        fund = _newFundIn(address(generous), _offer(REWARD, 1, 0));
        _approved(address(generous), 10_000);
        vm.expectRevert(
            abi.encodeWithSelector(IRedundancyFund.TransferMismatch.selector, address(generous), 10_000, 10_001)
        );
        _topUp(10_000);
        _assertGoodIntact(_join(operator, good));
    }

    function test_P13_fee_from_some_day_on_harms_who_is_paid_and_nobody_else() external {
        MoodyToken moody = new MoodyToken();
        uint256 mirror = _open(address(moody));
        _pay(fund, 1, ONE);
        moody.setFee(100);
        vm.assertEq(book.withdraw(mirror), REWARD, "amount");
        vm.assertEq(moody.balanceOf(operator), REWARD - REWARD / 100, "less the token's fee");
        vm.assertEq(moody.balanceOf(address(book)), 10_000 - REWARD, "the books are right");
        _assertOthersIntact(mirror);
    }

    function test_P13_rebasing_up_leaves_the_surplus_to_nobody() external {
        RebasingToken elastic = new RebasingToken();
        uint256 mirror = _open(address(elastic));
        _pay(fund, 1, ONE);
        elastic.setScale(150);
        vm.assertEq(book.withdraw(mirror), REWARD, "no more than was earned");
        vm.assertEq(book.fundOf(fund).value, 10_000 - REWARD, "value");
        _assertOthersIntact(mirror);
    }

    function test_P13_rebasing_down_pays_until_the_tokens_are_gone() external {
        RebasingToken elastic = new RebasingToken();
        uint256 mirror = _open(address(elastic));
        uint256 second = _deposit(otherFunder, fund, 10_000);
        _pay(fund, 1, ONE);
        elastic.setScale(50);
        vm.assertEq(book.withdraw(mirror), REWARD, "who comes first");
        _miss(fund, _today() - 1);
        _leave(otherFunder, second);
        _miss(fund, _today() + 1);
        // half of the tokens are gone, and the books do not know
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        book.collect(second);
        elastic.setScale(100);
        book.collect(second);
        vm.assertGe(elastic.balanceOf(otherFunder), 9_500, "nothing was lost in the books");
        _assertOthersIntact(mirror);
    }

    function test_P13_decimals_are_nothing_to_the_books() external {
        uint8[2] memory kinds = [6, 24];
        uint256 mirror;
        for (uint256 i; i < 2; ++i) {
            DecimalToken currency = new DecimalToken(kinds[i]);
            uint96 unit = uint96(10 ** kinds[i]);
            fund = _newFundIn(address(currency), _offer(unit, 1, 0));
            _deposit(funder, fund, 20 * uint256(unit));
            mirror = _join(operator, fund);
            _pay(fund, _today() + 1, ONE / 3);
            vm.assertEq(book.withdraw(mirror), uint256(unit) * (ONE / 3) / ONE, "share");
        }
        uint256 most = type(uint96).max - book.fundOf(fund).deposited;
        vm.expectRevert(abi.encodeWithSelector(IRedundancyFund.DepositTooLarge.selector, 80_000e24, most));
        _topUp(80_000e24);
        _assertOthersIntact(mirror);
    }

    // --------------------------------------------------------------------------------------------- refusals

    function test_P13_a_token_that_returns_false_brings_nothing_in_and_keeps_credits() external {
        QuietToken quiet = new QuietToken();
        uint256 mirror = _open(address(quiet));
        _pay(fund, 1, ONE);
        quiet.set(true, false);
        bytes memory failed = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(quiet));
        _approved(address(quiet), 10_000);
        vm.expectRevert(failed);
        _topUp(10_000);
        vm.expectRevert(failed);
        book.withdraw(mirror);
        vm.assertEq(book.creditOf(mirror), REWARD, "kept");
        quiet.set(false, false);
        book.withdraw(mirror);
        vm.assertEq(quiet.balanceOf(operator), REWARD, "later");
        _assertOthersIntact(mirror);
    }

    function test_P13_a_token_that_returns_nothing_is_as_good_as_any() external {
        QuietToken quiet = new QuietToken();
        quiet.set(false, true);
        uint256 mirror = _open(address(quiet));
        _pay(fund, 1, ONE);
        book.withdraw(mirror);
        vm.assertEq(quiet.balanceOf(operator), REWARD, "paid");
        _assertOthersIntact(mirror);
    }

    function test_P13_a_token_that_returns_nothing_and_moves_nothing_brings_nothing_in() external {
        QuietToken quiet = new QuietToken();
        quiet.set(true, true);
        fund = _newFundIn(address(quiet), _offer(REWARD, 1, 0));
        _approved(address(quiet), 500);
        vm.expectRevert(
            abi.encodeWithSelector(IRedundancyFund.TransferMismatch.selector, address(quiet), 500, 0)
        );
        _topUp(500);
        _assertGoodIntact(_join(operator, good));
    }

    function test_P13_a_token_that_reverts_on_zero_is_never_sent_zero() external {
        MoodyToken moody = new MoodyToken(); // reverts on zero
        uint256 mirror = _open(address(moody));
        uint256 dust = _deposit(otherFunder, fund, 1);
        for (uint256 epoch = 1; epoch <= 10; ++epoch) {
            _pay(fund, epoch, ONE);
        }
        _catchUp(fund);
        vm.expectRevert(IRedundancyFund.NothingToWithdraw.selector);
        book.withdrawFee(oracle, address(moody));
        vm.prank(otherFunder);
        book.giveNotice(dust);
        _pass(TERMS.depositNotice);
        vm.prank(otherFunder);
        book.depart(dust);
        _pass(2);
        _catchUp(fund);
        book.collect(dust);
        vm.assertTrue(book.depositOf(dust).collected, "worth nothing, and collected");
        book.withdraw(mirror);
        _assertGoodIntact(mirror);
    }

    function test_P13_a_blacklist_keeps_a_credit_until_it_is_lifted_or_paid_elsewhere() external {
        BlockingToken fickle = new BlockingToken();
        uint256 mirror = _open(address(fickle));
        _pay(fund, 1, ONE);
        fickle.block_(operator, true);
        vm.expectRevert(abi.encodeWithSelector(BlockingToken.Blocked.selector, operator));
        book.withdraw(mirror);
        vm.prank(operator);
        book.changePayout(mirror, payout);
        _pass(1);
        book.withdraw(mirror);
        vm.assertEq(fickle.balanceOf(payout), REWARD, "elsewhere");
        uint256 epoch = _today();
        _miss(fund, epoch);
        _pay(fund, epoch, ONE);
        fickle.block_(address(book), true);
        _approved(address(fickle), 100);
        bytes memory blocked = abi.encodeWithSelector(BlockingToken.Blocked.selector, address(book));
        vm.expectRevert(blocked);
        _topUp(100);
        vm.expectRevert(blocked);
        book.withdraw(mirror);
        vm.assertEq(book.creditOf(mirror), REWARD, "kept");
        _assertOthersIntact(mirror);
    }

    function test_P13_a_pause_stops_transfers_and_nothing_else() external {
        MoodyToken moody = new MoodyToken();
        uint256 mirror = _open(address(moody));
        _approved(address(moody), 500);
        moody.setPaused(true);
        vm.expectRevert(MoodyToken.Paused.selector);
        _topUp(500);
        _pay(fund, 1, ONE);
        vm.expectRevert(MoodyToken.Paused.selector);
        book.withdraw(mirror);
        _assertOthersIntact(mirror);
        moody.setPaused(false);
        vm.assertEq(book.withdraw(mirror), REWARD, "afterwards");
        _topUp(500);
    }

    function test_P13_a_token_that_calls_back_finds_the_door_closed() external {
        ReentrantToken tricky = new ReentrantToken();
        uint256 mirror = _open(address(tricky));
        _approved(address(tricky), 500);
        _pay(fund, 1, ONE);
        tricky.arm(address(book), abi.encodeCall(book.withdraw, (mirror)));
        _topUp(500);
        _assertClosed(tricky);
        tricky.arm(address(book), abi.encodeCall(book.withdraw, (mirror)));
        book.withdraw(mirror);
        _assertClosed(tricky);
        vm.assertEq(tricky.balanceOf(operator), REWARD, "once");
        vm.assertEq(tricky.balanceOf(address(book)), 10_500 - REWARD, "and no more");
        _assertOthersIntact(mirror);
    }

    function _assertClosed(ReentrantToken tricky) private view {
        vm.assertTrue(!tricky.succeeded(), "called back");
        bytes4 closed = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        vm.assertEq(bytes32(bytes4(tricky.reason())), bytes32(closed), "the guard");
    }

    // ---------------------------------------------------------------------------------------------- permits

    function _permit(PermitToken currency, uint256 amount) private returns (uint8 v, bytes32 r, bytes32 s) {
        currency.mint(funder, amount);
        bytes32 kind =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 body = keccak256(
            abi.encode(kind, funder, address(book), amount, currency.nonces(funder), block.timestamp)
        );
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", currency.DOMAIN_SEPARATOR(), body));
        return vm.sign(uint256(keccak256("funder")), digest);
    }

    function _noAllowance(uint256 needed) private view returns (bytes memory) {
        return abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(book), 0, needed);
    }

    function test_funding_with_a_permit_takes_one_transaction() external {
        PermitToken currency = new PermitToken();
        fund = _newFundIn(address(currency), _offer(REWARD, 1, 0));
        (uint8 v, bytes32 r, bytes32 s) = _permit(currency, 5_000);
        vm.prank(funder);
        uint256 deposit = book.topUpWithPermit(fund, 5_000, block.timestamp, v, r, s);
        vm.assertEq(book.depositOf(deposit).holder, funder, "holder");
        vm.assertEq(currency.balanceOf(address(book)), 5_000, "tokens");
        _assertOthersIntact(_join(operator, good));
    }

    function test_P13_a_permit_that_someone_used_before_does_no_harm() external {
        PermitToken currency = new PermitToken();
        fund = _newFundIn(address(currency), _offer(REWARD, 1, 0));
        (uint8 v, bytes32 r, bytes32 s) = _permit(currency, 5_000);
        vm.prank(rogue);
        currency.permit(funder, address(book), 5_000, block.timestamp, v, r, s);
        vm.prank(funder);
        book.topUpWithPermit(fund, 5_000, block.timestamp, v, r, s);
        vm.assertEq(currency.balanceOf(address(book)), 5_000, "tokens");
        _assertOthersIntact(_join(operator, good));
    }

    function test_P13_a_permit_that_fails_takes_nothing_without_an_allowance() external {
        PermitToken currency = new PermitToken();
        fund = _newFundIn(address(currency), _offer(REWARD, 1, 0));
        (uint8 v, bytes32 r, bytes32 s) = _permit(currency, 5_000);
        vm.prank(rogue); // another's permit is no permit of the caller's
        vm.expectRevert(_noAllowance(5_000));
        book.topUpWithPermit(fund, 5_000, block.timestamp, v, r, s);
        PhantomToken phantom = new PhantomToken();
        fund = _newFundIn(address(phantom), _offer(REWARD, 1, 0));
        _approved(address(phantom), 700);
        vm.prank(rogue); // the phantom's permit succeeds and does nothing
        vm.expectRevert(_noAllowance(700));
        book.topUpWithPermit(fund, 700, block.timestamp, v, r, s);
        vm.prank(funder);
        book.topUpWithPermit(fund, 700, block.timestamp, v, r, s);
        vm.assertEq(phantom.balanceOf(address(book)), 700, "by its allowance");
        _assertGoodIntact(_join(operator, good));
    }

    function test_P13_a_permit_that_calls_back_finds_the_door_closed() external {
        CallingPermitToken calling = new CallingPermitToken();
        fund = _newFundIn(address(calling), _offer(REWARD, 1, 0));
        _approved(address(calling), 500);
        calling.arm(address(book), abi.encodeCall(book.topUp, (fund, 1)));
        vm.prank(funder);
        book.topUpWithPermit(fund, 500, 0, 0, 0, 0);
        vm.assertTrue(!calling.succeeded(), "called back");
        vm.assertEq(book.fundOf(fund).deposited, 500, "deposited");
        _assertGoodIntact(_join(operator, good));
    }

    function test_P13_a_token_without_permits_takes_an_allowance_all_the_same() external {
        fund = good;
        _approved(address(token), 300);
        vm.prank(funder);
        book.topUpWithPermit(fund, 300, 0, 0, 0, 0);
        vm.assertEq(IERC20(address(token)).balanceOf(address(book)), 10_300, "tokens");
        _assertGoodIntact(_join(operator, good));
    }
}
