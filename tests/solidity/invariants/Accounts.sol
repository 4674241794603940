// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Committees} from "./Committees.sol";

/// @title What stands in the books, reckoned anew: what is owed and to whom, and whom an action fits now.
abstract contract Accounts is Committees {
    /// @dev Calls of each handler, and those that did what they are named for: changed that state in the contracts.
    mapping(bytes4 handler => uint256) public calls;
    mapping(bytes4 handler => uint256) public successes;
    bool internal _moved;

    /// @dev Deposits that stay, and those that have left and are not yet collected.
    uint256[] internal _staying;
    uint256[] internal _leaving;
    mapping(uint256 fund => uint256) public collectedFrom;
    mapping(uint256 fund => uint256) public withdrawnFrom;
    uint256 public slashed;
    uint256 public bondsBurned;

    /// @dev Counts the call; and credits fall only in a withdrawal, and there only the one that is withdrawn.
    modifier counted(bool withdraws) {
        ++calls[msg.sig];
        _moved = false;
        uint256[] memory ids = _ids;
        uint256[] memory before = _creditsOf(ids);
        _;
        uint256[] memory afterwards = _creditsOf(ids);
        uint256 fell;
        for (uint256 i; i < before.length; ++i) {
            if (afterwards[i] < before[i]) ++fell;
        }
        _must(fell == 0 || (withdraws && fell == 1), "P7: credits fall only by withdrawal");
        if (_moved) ++successes[msg.sig];
    }

    function _creditsOf(uint256[] memory ids) private view returns (uint256[] memory credits) {
        credits = new uint256[](ids.length);
        for (uint256 i; i < ids.length; ++i) {
            credits[i] = book.creditOf(ids[i]);
        }
    }

    function theBook() external view returns (IRedundancyFund) {
        return book;
    }

    function currencies() external view returns (address[2] memory) {
        return [address(token), address(wrapped)];
    }

    function _currency(uint256 fund) internal view returns (address) {
        return fund == NATIVE ? address(wrapped) : fund == HOSTILE ? address(chaos) : address(token);
    }

    function _held(address currency) internal view returns (uint256) {
        return currency == address(wrapped) ? wrapped.balanceOf(address(book)) : token.balanceOf(address(book));
    }

    // ------------------------------------------------------------------------------------------------ picking

    /// @dev One of a list that `fits`, searched from a random place on; 0 if none does.
    function _pick(uint256 seed, uint256[] storage list, function(uint256) view returns (bool) fits)
        internal
        view
        returns (uint256)
    {
        for (uint256 i; i < list.length; ++i) {
            uint256 id = list[addmod(seed, i, list.length)];
            if (fits(id)) return id;
        }
        return 0;
    }

    function _remove(uint256[] storage list, uint256 id) internal {
        for (uint256 i; i < list.length; ++i) {
            if (list[i] != id) continue;
            list[i] = list[list.length - 1];
            list.pop();
            return;
        }
    }

    function _any(uint256 seed) internal pure returns (uint256 fund) {
        return 1 + seed % FUNDS;
    }

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
        if (_known[id].end == 0 || book.mirrorOf(id).displaced) return false;
        return book.fundOf(_known[id].fund).cursor.epoch >= _known[id].end;
    }

    function _isThere(uint256 id) internal view returns (bool) {
        return _known[id].end == 0;
    }

    function _isSilent(uint256 id) internal view returns (bool) {
        return _silent[id] >= 4 && _known[id].end == 0;
    }

    function _isUnbonded(uint256 id) internal view returns (bool) {
        if (_known[id].end == 0 || _today() < _known[id].end + TERMS.unbonding) return false;
        IRedundancyFund.Mirror memory m = book.mirrorOf(id);
        return m.stake > m.locked;
    }

    function _hasCredit(uint256 id) internal view returns (bool) {
        return book.creditOf(id) > 0;
    }

    // -------------------------------------------------------------------------------------------- what is owed

    /// @dev Tokens held, less all that is accounted for: stakes, credits, fees, and what funds and depositors own.
    function unaccounted(address currency) external view returns (int256) {
        uint256 owed = _feesIn(currency);
        for (uint256 fund = 1; fund <= FUNDS; ++fund) {
            if (_currency(fund) == currency) owed += _credits(fund) + owned(fund);
        }
        if (currency == address(wrapped)) owed += stakes();
        return int256(_held(currency)) - int256(owed);
    }

    /// @dev All that a fund ever paid to mirrors and is still there or was withdrawn.
    function credited(uint256 fund) external view returns (uint256) {
        return _credits(fund) + withdrawnFrom[fund] + collectedFrom[fund];
    }

    function stakes() public view returns (uint256 sum) {
        for (uint256 i; i < _ids.length; ++i) {
            sum += book.mirrorOf(_ids[i]).stake;
        }
    }

    /// @dev P11, of a mirror: no more than the caps, and what is locked is held.
    function slashesAreCapped() external view returns (bool) {
        for (uint256 i; i < _ids.length; ++i) {
            IRedundancyFund.Mirror memory m = book.mirrorOf(_ids[i]);
            if (m.locked > m.stake || m.slashed > STAKE / 2) return false;
            if (m.end == 0 && (uint256(m.locked) + m.slashed > STAKE / 2 || m.stake + m.slashed != STAKE)) return false;
        }
        return true;
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
        for (uint256 i; i < _leaving.length; ++i) {
            uint256 id = _leaving[i];
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
        for (uint256 i = f.cursor.segment + 1; i <= f.segments; ++i) {
            IRedundancyFund.Segment memory s = book.segmentOf(fund, i);
            if (s.last < f.cursor.epoch) continue;
            uint256 first = s.first > f.cursor.epoch ? s.first : f.cursor.epoch;
            sum += (s.last + 1 - first) * s.reward;
        }
    }
}
