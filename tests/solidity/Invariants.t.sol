// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {Handler} from "./invariants/Handler.sol";
import {TestBase} from "./TestBase.sol";

/// @dev Two more cheatcodes.
interface Files {
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory value);
    function writeLine(string calldata path, string calldata line) external;
}

/// @title What always holds (P1 to P13), whatever anyone does. A call that fails where it must not fails the test.
contract InvariantsTest is TestBase {
    string private constant COUNTERS = "cache/invariants.txt";
    /// @dev Fewer say nothing: of one handler, and of all (a run is 500, if the runner has not shrunk it).
    uint256 private constant ENOUGH_CALLS = 9;
    uint256 private constant LONG_RUN = 400;
    Handler private handler;
    IRedundancyFund private book;
    address[2] private currencies;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() external {
        handler = Handler(_create("tests/solidity/invariants/Handler.sol:Handler", ""));
        handler.setUp();
        book = handler.theBook();
        currencies = handler.currencies();
        _target(address(handler));
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        (bytes4[] memory selectors,) = _handlers();
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// @dev Every handler; the order is that of the counters.
    function _handlers() private view returns (bytes4[] memory selectors, string[] memory names) {
        selectors = new bytes4[](26);
        names = new string[](26);
        (selectors[0], names[0]) = (handler.deposit.selector, "deposit");
        (selectors[1], names[1]) = (handler.giveNotice.selector, "giveNotice");
        (selectors[2], names[2]) = (handler.depart.selector, "depart");
        (selectors[3], names[3]) = (handler.collect.selector, "collect");
        (selectors[4], names[4]) = (handler.announce.selector, "announce");
        (selectors[5], names[5]) = (handler.join.selector, "join");
        (selectors[6], names[6]) = (handler.exit.selector, "exit");
        (selectors[7], names[7]) = (handler.changePayout.selector, "changePayout");
        (selectors[8], names[8]) = (handler.removeDead.selector, "removeDead");
        (selectors[9], names[9]) = (handler.releaseStake.selector, "releaseStake");
        (selectors[10], names[10]) = (handler.withdraw.selector, "withdraw");
        (selectors[11], names[11]) = (handler.withdrawFee.selector, "withdrawFee");
        (selectors[12], names[12]) = (handler.settle.selector, "settle");
        (selectors[13], names[13]) = (handler.passTime.selector, "passTime");
        (selectors[14], names[14]) = (handler.passDays.selector, "passDays");
        (selectors[15], names[15]) = (handler.challenge.selector, "challenge");
        (selectors[16], names[16]) = (handler.lockStake.selector, "lockStake");
        (selectors[17], names[17]) = (handler.resolveLock.selector, "resolveLock");
        (selectors[18], names[18]) = (handler.bond.selector, "bond");
        (selectors[19], names[19]) = (handler.betray.selector, "betray");
        (selectors[20], names[20]) = (handler.lie.selector, "lie");
        (selectors[21], names[21]) = (handler.replay.selector, "replay");
        (selectors[22], names[22]) = (handler.turn.selector, "turn");
        (selectors[23], names[23]) = (handler.trespass.selector, "trespass");
        (selectors[24], names[24]) = (handler.changeMembers.selector, "changeMembers");
        (selectors[25], names[25]) = (handler.flee.selector, "flee");
    }

    function invariant_P1_to_P13() external view {
        vm.assertTrue(bytes(handler.broken()).length == 0, handler.broken());
        vm.assertTrue(handler.slashesAreCapped(), "P11: slashes stay within their caps");
        vm.assertEq(handler.burned(), handler.slashed() + handler.bondsBurned(), "P11: what is slashed is burned");
        vm.assertEq(handler.bondsHeld(), int256(0), "bonds are there, and nothing else");
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
        uint256 dust = book.deposits() + 8;
        handler.windDown();
        vm.assertTrue(bytes(handler.broken()).length == 0, handler.broken());
        vm.assertEq(handler.stakes(), 0, "P8: stakes are back");
        vm.assertEq(handler.left(), 0, "P8: depositors are out");
        for (uint256 fund = 1; fund <= book.funds(); ++fund) {
            vm.assertEq(handler.joining(fund) + handler.uncollected(fund), 0, "P8: depositors are out");
            vm.assertLe(book.fundOf(fund).value, dust, "P8: only dust stays");
        }
        for (uint256 i; i < 2; ++i) {
            vm.assertGe(handler.unaccounted(currencies[i]), 0, "P1: still covered");
            vm.assertLe(handler.unaccounted(currencies[i]), int256(dust), "nothing but dust is unaccounted for");
        }
    }

    /// @dev A run in which nothing happens would prove nothing: each handler does what it is named for, in a third of its
    /// calls at least.
    function _checkThatMuchWasDone() private {
        (bytes4[] memory selectors, string[] memory names) = _handlers();
        uint256 all;
        for (uint256 i; i < names.length; ++i) {
            (uint256 calls, uint256 successes) = (handler.calls(selectors[i]), handler.successes(selectors[i]));
            all += calls;
            _print(names[i], calls, successes);
            bool often = calls < ENOUGH_CALLS || 3 * successes >= calls;
            vm.assertTrue(often, string.concat(names[i], " rarely does what it is named for"));
        }
        if (all < LONG_RUN) return;
        vm.assertGe(handler.reports(), all / 20, "too few reports");
        vm.assertGe(handler.settled(), all / 20, "too few epochs settled");
    }

    /// @dev A line a handler and run; `scripts/test` adds them up and prints the totals.
    function _print(string memory name, uint256 calls, uint256 successes) private {
        string memory path = Files(address(vm)).envOr("INVARIANT_COUNTERS", COUNTERS);
        Files(address(vm)).writeLine(path, string.concat(name, " ", vm.toString(calls), " ", vm.toString(successes)));
    }
}
