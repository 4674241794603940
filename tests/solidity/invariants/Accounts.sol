// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Committees} from "./Committees.sol";

/// @title What stands in the books, reckoned anew: what is owed and to whom, and whom an action fits now.
abstract contract Accounts is Committees {
    mapping(uint256 deposit => uint256) public collected;
    mapping(uint256 fund => uint256) public collectedFrom;
    mapping(uint256 fund => uint256) public withdrawnFrom;
    mapping(address currency => uint256) public feesWithdrawn;

    function theBook() external view returns (IRedundancyFund) {
        return book;
    }

    function currencies() external view returns (address[2] memory) {
        return [address(token), address(wrapped)];
    }

    function _balance(uint256 fund) internal view returns (uint256) {
        return (fund == 3 ? wrapped.balanceOf(address(book)) : token.balanceOf(address(book)));
    }

    // -------------------------------------------------------------------------------------------- whom it fits

    function _stays(uint256 id) internal view returns (bool) {
        return book.depositOf(id).left == 0;
    }

    function _mayDepart(uint256 id) internal view returns (bool) {
        IRedundancyFund.Deposit memory d = book.depositOf(id);
        uint256 today = _today();
        bool inTime = d.ready > 0 && d.ready <= today && today < d.ready + TERMS.depositNotice;
        return d.left == 0 && inTime && d.turn <= book.fundOf(d.fund).cursor.turn;
    }

    function _mayCollect(uint256 id) internal view returns (bool) {
        IRedundancyFund.Deposit memory d = book.depositOf(id);
        return d.left > 0 && !d.collected && d.left <= book.fundOf(d.fund).cursor.turn;
    }

    function _isFree(uint256 id) internal view returns (bool) {
        IRedundancyFund.Mirror memory m = book.mirrorOf(id);
        return m.end > 0 && !m.displaced && book.fundOf(m.fund).cursor.epoch >= m.end;
    }

    function _isThere(uint256 id) internal view returns (bool) {
        return book.mirrorOf(id).end == 0;
    }

    function _isSilent(uint256 id) internal view returns (bool) {
        return _silent[id] >= 4 && book.mirrorOf(id).end == 0;
    }

    function _isUnbonded(uint256 id) internal view returns (bool) {
        IRedundancyFund.Mirror memory m = book.mirrorOf(id);
        return m.end > 0 && m.stake > 0 && _today() >= m.end + TERMS.unbonding;
    }

    function _hasCredit(uint256 id) internal view returns (bool) {
        return book.creditOf(id) > 0;
    }

    // -------------------------------------------------------------------------------------------- what is owed

    /// @dev Tokens held, less all that is accounted for: stakes, credits, fees, and what funds and depositors own.
    function unaccounted(address currency) external view returns (int256) {
        uint256 owed = _feesIn(currency);
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            if (book.fundOf(fund).token == currency) owed += _credits(fund) + owned(fund);
        }
        if (currency == address(wrapped)) owed += stakes();
        uint256 held = currency == address(wrapped) ? wrapped.balanceOf(address(book)) : token.balanceOf(address(book));
        return int256(held) - int256(owed);
    }

    /// @dev All that a fund ever paid to mirrors and is still there or was withdrawn.
    function credited(uint256 fund) external view returns (uint256) {
        return _credits(fund) + withdrawnFrom[fund] + collectedFrom[fund];
    }

    function stakes() public view returns (uint256 sum) {
        for (uint256 id = 1; id <= book.mirrors(); ++id) {
            sum += book.mirrorOf(id).stake;
        }
    }

    /// @dev What has joined and is left, what is to join, and what those who left have not yet collected.
    function owned(uint256 fund) public view returns (uint256) {
        return book.fundOf(fund).value + joining(fund) + uncollected(fund);
    }

    function joining(uint256 fund) public view returns (uint256 sum) {
        IRedundancyFund.Cursor memory c = book.fundOf(fund).cursor;
        for (uint256 turn = c.turn + 1; turn <= c.turns; ++turn) {
            sum += book.turnOf(fund, turn).joining;
        }
    }

    function uncollected(uint256 fund) public view returns (uint256 sum) {
        for (uint256 id = 1; id <= book.deposits(); ++id) {
            if (book.depositOf(id).fund == fund && _mayCollect(id)) sum += book.worthOf(id);
        }
    }

    function aside(uint256 fund) public view returns (uint256 sum) {
        IRedundancyFund.Cursor memory c = book.fundOf(fund).cursor;
        for (uint256 turn = c.turn + 1; turn <= c.turns; ++turn) {
            sum += book.turnOf(fund, turn).aside;
        }
    }

    /// @dev The rewards of epochs that are funded and not settled.
    function owedToEpochs(uint256 fund) public view returns (uint256 sum) {
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        for (uint256 i = 1; i <= f.segments; ++i) {
            IRedundancyFund.Segment memory s = book.segmentOf(fund, i);
            if (s.last < f.cursor.epoch) continue;
            uint256 first = s.first > f.cursor.epoch ? s.first : f.cursor.epoch;
            sum += (s.last + 1 - first) * s.reward;
        }
    }
}
