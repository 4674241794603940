// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";
import {Funders} from "./Funders.sol";

/// @title What operators do, and what anyone does for or against them.
abstract contract Operators is Funders {
    uint256 private constant MOST_LIVING = 6;
    mapping(uint256 mirror => uint256) private _unsettled;

    function join(uint256 seed) external counted(false) {
        _moved = _joinSome(_any(seed), seed) > 0;
    }

    function _joinSome(uint256 fund, uint256 seed) internal returns (uint256 id) {
        _makeRoom(seed);
        _catchUp(fund);
        if (!_covered(fund)) _put(fund, seed, 8 * uint256(TERMS.minCover) * _dearer(book.fundOf(fund)));
        if (!_covered(fund)) return 0;
        _tryTaken(seed);
        uint256 former = _formerIn(fund);
        address by = seed % 5 == 0 ? owner : seed % 2 == 0 ? operator : otherOperator;
        id = _joinAt(by, fund, former);
        _learn(id);
        _unsettled[id] = _known[id].start - book.fundOf(fund).cursor.epoch;
    }

    function _formerIn(uint256 fund) private view returns (uint256) {
        for (uint256 i; i < _ids.length; ++i) {
            if (_known[_ids[i]].fund == fund && _isFree(_ids[i])) return _ids[i];
        }
        return 0;
    }

    /// @dev Its mirror still counts, or has epochs that are not settled, or somebody else has it by now.
    function _tryTaken(uint256 seed) private {
        uint256 id = _pick(seed, _ids, _isTaken);
        if (id == 0) return;
        vm.deal(rogue, STAKE);
        vm.prank(rogue);
        try book.register{value: STAKE}(_known[id].fund, "https://rogue.example", rogue, STAKE, id) {
            _must(false, "P12: a place is reused only when its epochs are settled");
        } catch {}
    }

    function _isTaken(uint256 id) private view returns (bool) {
        return !_isFree(id) && _covered(_known[id].fund);
    }

    function _covered(uint256 fund) private view returns (bool) {
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        return int256(f.free) >= int256(uint256(TERMS.minCover) * _dearer(f));
    }

    function _dearer(IRedundancyFund.Fund memory f) private pure returns (uint256) {
        bool rises = f.changesAt > 0 && f.nextOffer.reward > f.offer.reward;
        return rises ? f.nextOffer.reward : f.offer.reward;
    }

    /// @dev Ends one if there are many, and forgets those that are nothing any more.
    function _makeRoom(uint256 seed) private {
        uint256 living;
        for (uint256 i = _ids.length; i > 0; --i) {
            uint256 id = _ids[i - 1];
            if (_known[id].end == 0) {
                ++living;
                continue;
            }
            IRedundancyFund.Mirror memory m = book.mirrorOf(id);
            bool spent = m.stake == 0 && book.creditOf(id) == 0;
            // a hostile committee may still pay who holds a place, though it has ended
            if (spent && m.displaced) _remove(_ids, id);
        }
        if (living >= MOST_LIVING) _end(_pick(seed, _ids, _isThere));
    }

    function _end(uint256 id) internal {
        _exit(id);
        _learn(id);
    }

    /// @dev A mirror that counts, registered if need be.
    function _someone(uint256 seed) internal returns (uint256 id) {
        id = _pick(seed, _ids, _isThere);
        if (id == 0) id = _joinSome(1, seed);
    }

    function exit(uint256 seed) external counted(false) {
        uint256 id = _someone(seed);
        if (id == 0) return;
        _end(id);
        _moved = _known[id].end == _today() + 1;
    }

    function changePayout(uint256 seed) external counted(false) {
        uint256 id = _someone(seed);
        if (id == 0) return;
        (address former, address next) = (book.mirrorOf(id).payout, vm.addr(1 + seed % 1_000));
        vm.prank(book.mirrorOf(id).operator);
        book.changePayout(id, next);
        _must(book.mirrorOf(id).payout == former, "P7: a payout address changes from the next epoch on");
        _goOn(1, seed);
        _must(book.mirrorOf(id).payout == next, "P7: and then it has changed");
        _moved = former != next && book.mirrorOf(id).payout == next;
    }

    /// @dev A living one is not removed; one that is silent in four reported epochs is, whoever asks.
    function removeDead(uint256 seed) external counted(false) {
        _moved = _tryToRemove(_pick(seed, _ids, _isThere));
        if (_tryToRemove(_pick(seed, _ids, _isSilent))) _moved = true;
        if (!_moved) _moved = _tryToRemove(_silence(seed));
    }

    /// @dev A new mirror that shows no sign of life, for as many epochs as it takes to be removed; 21 are plenty.
    function _silence(uint256 seed) private returns (uint256 id) {
        uint256 fund = _honestFund(seed);
        _settleFund(fund);
        id = _joinSome(fund, seed);
        if (id == 0) return 0;
        _put(fund, seed, 24 * _dearer(book.fundOf(fund)));
        _mute = id;
        for (uint256 i; i < 7 && _silent[id] < 4 + _unsettled[id]; ++i) {
            _live(3, _mix(seed, vm.toString(i)));
        }
        _mute = 0;
    }

    /// @dev A fund that the honest committee measures, and will; its owner goes back to it if there is none.
    function _honestFund(uint256 seed) private returns (uint256) {
        for (uint256 i; i < NATIVE; ++i) {
            uint256 fund = 1 + addmod(seed, i, NATIVE);
            IRedundancyFund.Fund memory f = book.fundOf(fund);
            bool stays = f.changesAt == 0 || f.nextOffer.committee == honest;
            if (f.offer.committee == honest && stays) return fund;
        }
        _announce(NATIVE, _offerOf(7, 1, 0, honest));
        _live(TERMS.changeNotice, seed);
        return NATIVE;
    }

    function _tryToRemove(uint256 id) private returns (bool) {
        if (id == 0 || !_isThere(id)) return false;
        uint256 silent = _silent[id];
        vm.prank(rogue);
        try book.removeDead(id) {
            _foldEnd(_known[id].fund, id);
            _learn(id);
            _must(silent >= 4, "P12: only who was silent in four reported epochs is removed");
            return true;
        } catch (bytes memory reason) {
            _must(bytes4(reason) == IRedundancyFund.StillAlive.selector, "P12: only a living mirror stays");
            // epochs that were not settled when it registered count for it, as any may have been reported
            _must(silent < 4 + _unsettled[id], "P12: who was silent in four reported epochs is removed");
            return false;
        }
    }

    function releaseStake(uint256 seed) external counted(false) {
        uint256 id = _pick(seed, _ids, _isUnbonded);
        if (id == 0) {
            id = _someone(seed);
            if (id == 0) return;
            _end(id);
            _live(TERMS.unbonding + 1, seed);
        }
        if (_isUnbonded(id)) _moved = _releaseStake(id);
    }

    function _releaseStake(uint256 id) internal returns (bool) {
        IRedundancyFund.Mirror memory m = book.mirrorOf(id);
        uint256 before = wrapped.balanceOf(m.operator);
        book.releaseStake(id);
        uint256 sent = wrapped.balanceOf(m.operator) - before;
        _must(sent == m.stake - m.locked, "P8: all that is not locked goes back");
        return sent > 0;
    }

    function withdraw(uint256 seed) external counted(true) {
        uint256 id = _pick(seed, _ids, _hasCredit);
        if (id == 0) {
            if (_joinSome(1, seed) == 0) return;
            _live(4, seed);
            _settleAll();
            id = _pick(seed, _ids, _hasCredit);
        }
        if (id > 0) _moved = _withdraw(id);
    }

    function _withdraw(uint256 id) internal returns (bool) {
        uint256 fund = _known[id].fund;
        uint256 amount = book.creditOf(id);
        if (fund == HOSTILE) {
            try book.withdraw(id) {} catch {
                _must(book.creditOf(id) == amount, "P7: a transfer that fails keeps the credit");
                return false;
            }
        } else {
            uint256 before = _held(_currency(fund));
            book.withdraw(id);
            _must(before - _held(_currency(fund)) == amount, "P7: what is withdrawn is what is sent");
        }
        withdrawnFrom[fund] += amount;
        return true;
    }

    function withdrawFee(uint256 seed) external counted(false) {
        _moved = _withdrawSomeFee(seed);
        if (_moved) return;
        _earnFee(_mix(seed, "fund") % 2 + 1, seed);
        _moved = _withdrawSomeFee(seed);
    }

    /// @dev A committee's in a currency, searched from a random place on; a hostile token may refuse, then the next.
    function _withdrawSomeFee(uint256 seed) private returns (bool) {
        for (uint256 i; i < 2 * FUNDS; ++i) {
            uint256 place = addmod(seed, i, 2 * FUNDS);
            (uint256 by, address currency) = (place % 2 == 0 ? honest : malicious, _currency(1 + place / 2));
            if (book.fees(by, currency) > 0 && _withdrawFee(by, currency)) return true;
        }
        return false;
    }

    /// @dev Epochs that are paid, under terms that have a fee and a reward of which something is left after rounding.
    function _earnFee(uint256 fund, uint256 seed) private {
        IRedundancyFund.Fund memory f = book.fundOf(fund);
        if (f.offer.feeBps * uint256(f.offer.reward) < 10_000 || f.offer.committee != honest) {
            _announce(fund, _offerOf(5_000, 1, 2_000, honest));
            _live(TERMS.changeNotice, seed);
        }
        _joinSome(fund, seed);
        _live(5, seed);
    }

    function _withdrawFee(uint256 by, address currency) internal returns (bool) {
        try book.withdrawFee(by, currency) {} catch {
            _must(currency == address(chaos), "P1: fees are there");
            return false;
        }
        return book.fees(by, currency) == 0;
    }
}
