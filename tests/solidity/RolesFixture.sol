// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Fixture} from "./Fixture.sol";

/// @title A fund with an arbiter, two depositors with 100,000 each, and one mirror from epoch 1 on.
abstract contract RolesFixture is Fixture {
    uint96 internal constant REWARD = 1_000;
    uint256 internal fund;
    uint256 internal deposit;
    uint256 internal donation;
    uint256 internal mirror;

    function setUp() public override {
        super.setUp();
        fund = _newArbitratedFund(REWARD, 1);
        deposit = _deposit(funder, fund, 100_000);
        donation = _deposit(otherFunder, fund, 100_000);
        mirror = _join(operator, fund);
    }

    /// @dev A depositor leaves and is paid, whatever committees do: epochs without a report are missed.
    function _takeOut(address holder, uint256 id) internal returns (uint256 amount) {
        _catchUpMissed();
        _leave(holder, id);
        _catchUpMissed();
        uint256 before = token.balanceOf(holder);
        book.collect(id);
        amount = token.balanceOf(holder) - before;
    }

    /// @dev Settles what can be settled without a vector: missed, voided, given up.
    function _catchUpMissed() internal {
        _pass(TERMS.settleTime + 3);
        while (true) {
            try book.settle(fund, _reveals(1)) {}
            catch {
                break;
            }
        }
        _catchUp(fund);
    }

    function _takeStake(address by, uint256 id) internal {
        if (book.mirrorOf(id).end == 0) {
            vm.prank(by);
            book.exit(id);
        }
        _pass(TERMS.unbonding + TERMS.lockTime + 1);
        book.releaseStake(id);
    }

    /// @dev Settles missed epochs day by day until a given one.
    function _catchUpMissedUntil(uint256 epoch) internal {
        while (_today() < epoch) {
            _pass(1);
            try book.settle(fund, _reveals(1)) {} catch {}
        }
    }

    function _offerBy(uint256 by, uint256 reward, uint256 feeBps)
        internal
        view
        returns (IRedundancyFund.Offer memory offer)
    {
        offer = _offer(reward, 1, feeBps);
        offer.committee = uint32(by);
    }
}
