// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Handler} from "./invariants/Handler.sol";
import {TestBase} from "./TestBase.sol";

/// @title What always holds (P1 to P10, P12), whatever anyone does. A call that fails where it must not fails the test.
contract InvariantsTest is TestBase {
    Handler private handler;
    IRedundancyFund private book;
    address[2] private currencies;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() external {
        handler = new Handler();
        handler.setUp();
        book = handler.theBook();
        currencies = handler.currencies();
        _target(address(handler));
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](17);
        selectors[0] = Handler.deposit.selector;
        selectors[1] = Handler.giveNotice.selector;
        selectors[2] = Handler.depart.selector;
        selectors[3] = Handler.collect.selector;
        selectors[4] = Handler.announce.selector;
        selectors[5] = Handler.join.selector;
        selectors[6] = Handler.exit.selector;
        selectors[7] = Handler.removeDead.selector;
        selectors[8] = Handler.releaseStake.selector;
        selectors[9] = Handler.withdraw.selector;
        selectors[10] = Handler.withdrawFee.selector;
        selectors[11] = Handler.settle.selector;
        selectors[12] = Handler.passTime.selector;
        selectors[13] = Handler.passDays.selector;
        selectors[14] = Handler.forgeReport.selector;
        selectors[15] = Handler.trespass.selector;
        selectors[16] = Handler.passEpoch.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_P1_to_P10_and_P12() external view {
        vm.assertTrue(bytes(handler.broken()).length == 0, handler.broken());
        for (uint256 i; i < 2; ++i) {
            vm.assertGe(handler.unaccounted(currencies[i]), 0, "P1: tokens held cover all that is owed, per token");
        }
        for (uint256 fund = 1; fund <= book.funds(); ++fund) {
            _checkFund(fund);
        }
    }

    function _checkFund(uint256 fund) private view {
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        uint256 joining = handler.joining(fund);
        uint256 owed = handler.owedToEpochs(fund);
        int256 known = int256(f.free) + int256(owed) + int256(handler.aside(fund));
        vm.assertEq(int256(uint256(f.value) + joining), known, "P4, P5: value and joins are free, owed or set aside");
        vm.assertGe(uint256(f.value) + joining, owed, "P4: what is owed is there");
        vm.assertLe(f.value, f.shares, "P6: no share is ever worth more than par");
        uint256 spent = handler.credited(fund) + handler.owned(fund);
        vm.assertLe(spent, f.deposited + handler.collectedFrom(fund), "P1: credits <= vested <= deposited");
        vm.assertLe(f.cursor.positions, 256, "P12: at most 256 positions");
    }

    /// @dev P8, after every run: without committees, owner or new money everybody gets out, and only dust stays.
    function afterInvariant() external {
        _checkThatMuchWasDone();
        handler.windDown();
        vm.assertTrue(bytes(handler.broken()).length == 0, handler.broken());
        vm.assertEq(handler.stakes(), 0, "P8: stakes are back");
        uint256 dust = book.deposits() + 8;
        for (uint256 fund = 1; fund <= book.funds(); ++fund) {
            vm.assertEq(handler.joining(fund) + handler.uncollected(fund), 0, "P8: depositors are out");
            vm.assertLe(book.fundOf(fund).value, dust, "P8: only dust stays");
        }
        for (uint256 i; i < 2; ++i) {
            vm.assertGe(handler.unaccounted(currencies[i]), 0, "P1: still covered");
            vm.assertLe(handler.unaccounted(currencies[i]), int256(dust), "nothing but dust is unaccounted for");
        }
    }

    /// @dev A run in which nothing happens would prove nothing.
    function _checkThatMuchWasDone() private view {
        uint256 done = handler.done();
        if (done < 64) return; // a shrunken or shortened run
        vm.assertGe(handler.reports(), 4, "too few reports");
        vm.assertGe(handler.settled(), 1, "no epoch settled");
        vm.assertGe(book.deposits(), 4, "too few deposits");
        vm.assertGe(book.mirrors(), 1, "no mirror");
    }
}
