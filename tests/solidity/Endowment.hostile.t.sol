// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {DemoToken} from "../../contracts/dev/DemoToken.sol";
import {IEndowment} from "../../contracts/interfaces/IEndowment.sol";
import {IRedundancyFund} from "../../contracts/interfaces/IRedundancyFund.sol";
import {LyingVault} from "./actors/LyingVault.sol";
import {EndowmentFixture} from "./EndowmentFixture.sol";

/// @title A token that never counts down an allowance.
contract ForgetfulToken is DemoToken("Forgetful", "FORGET") {
    function _spendAllowance(address, address, uint256) internal override {}
}

/// @title A hostile vault, its holder and their fund take nothing that came in through another vault.
contract EndowmentHostileTest is EndowmentFixture {
    bytes private constant PANIC = abi.encodeWithSignature("Panic(uint256)", 0x11);

    LyingVault private lying;
    uint256 private victims;
    uint256 private roguesFund;
    uint256 private id;

    /// @dev The victims' shares are the very token of the rogue's fund and vault; the rogue has some of its own.
    function setUp() public override {
        super.setUp();
        victims = _endow(holder, 1_000);
        roguesFund = _newFundIn(address(vault), _offer(100, 1, 0));
        lying = new LyingVault(address(vault));
        token.mint(rogue, 300);
        vm.startPrank(rogue);
        token.approve(address(vault), 300);
        vault.deposit(300, rogue);
        vault.transfer(address(lying), 200);
        lying.approve(vault, address(lending));
        vm.stopPrank();
    }

    function _lie(uint256 takes, uint256 mints, uint256 needs, uint256 worth, uint256 pays, uint256 burns) private {
        lying.lie(LyingVault.Lies(takes, mints, needs, worth, pays, burns));
    }

    function _endowLying() private {
        _lie(100, 50, 0, 0, 0, 0);
        id = _endowIn(address(lying), roguesFund, rogue, 100);
    }

    /// @dev What the victims have is there, and they get it.
    function _victimsAreWhole() private {
        vm.assertGe(vault.balanceOf(address(lending)), lending.endowmentOf(victims).shares, "their shares are there");
        _ready(holder, victims);
        vm.assertEq(_depart(holder, victims, 0), 1_000, "their principal");
    }

    // ------------------------------------------------------------------------------------------ on the way in

    function test_a_vault_takes_no_more_than_the_assets() external {
        _lie(101, 50, 0, 0, 0, 0);
        vm.startPrank(rogue);
        vault.approve(address(lending), 100);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(lying), 100, 101)
        );
        lending.endow(IERC4626(address(lying)), roguesFund, 100, 0);
        vm.stopPrank();
        _victimsAreWhole();
    }

    function test_a_vault_that_takes_less_is_refused() external {
        _lie(99, 50, 0, 0, 0, 0);
        vm.startPrank(rogue);
        vault.approve(address(lending), 100);
        vm.expectRevert(abi.encodeWithSelector(IEndowment.NotTaken.selector, 1));
        lending.endow(IERC4626(address(lying)), roguesFund, 100, 0);
        vm.stopPrank();
        _victimsAreWhole();
    }

    function test_no_allowance_is_left_by_a_token_that_counts_none() external {
        ForgetfulToken forgetful = new ForgetfulToken();
        LyingVault patient = new LyingVault(address(forgetful));
        patient.lie(LyingVault.Lies(100, 50, 0, 0, 0, 0));
        forgetful.mint(rogue, 100);
        uint256 other = _newFundIn(address(forgetful), _offer(100, 1, 0));
        vm.startPrank(rogue);
        forgetful.approve(address(lending), 100);
        vm.expectRevert(abi.encodeWithSelector(IEndowment.NotTaken.selector, 100));
        lending.endow(IERC4626(address(patient)), other, 100, 0);
    }

    // ------------------------------------------------------------------------------------------ on the way out

    function test_a_vault_burns_no_more_than_its_holding_has() external {
        _endowLying();
        lying.mint(address(lending), 100); // another's, say
        _lie(0, 0, 0, 0, 1, 51);
        vm.expectRevert(PANIC);
        lending.harvest(id);
        _ready(rogue, id);
        vm.expectRevert(PANIC);
        _depart(rogue, id, 0);
        _victimsAreWhole();
    }

    function test_a_vault_that_pays_nothing_gives_nothing() external {
        _endowLying();
        _ready(rogue, id);
        _lie(0, 0, 50, 0, 0, 50);
        vm.assertEq(_depart(rogue, id, 0), 0, "nothing came, nothing went");
        _victimsAreWhole();
    }

    function test_a_harvest_leaves_the_principal_covered() external {
        _endowLying();
        _lie(0, 0, 10, 99, 5, 40);
        vm.expectRevert(abi.encodeWithSelector(IEndowment.PrincipalNotCovered.selector, 99, 100));
        lending.harvest(id);
        _lie(0, 0, 10, 100, 5, 40);
        vm.assertEq(lending.harvest(id), 5, "what came");
        vm.assertEq(lending.endowmentOf(id).shares, 10, "what was burned, not what was asked for");
        _victimsAreWhole();
    }

    /// @dev Else what comes in for an endowment made in the midst of it would count as paid.
    function test_during_a_vaults_call_nothing_else_moves() external {
        _endowLying();
        _ready(rogue, id);
        _gain(1_000);
        token.mint(address(lying), 100);
        lying.approve(token, address(lending));
        _lie(0, 0, 0, 100, 1, 1);
        bytes[4] memory calls = [
            abi.encodeCall(IEndowment.endow, (vault, fund, 100, 0)),
            abi.encodeCall(IEndowment.harvest, (victims)),
            abi.encodeCall(IEndowment.depart, (id, 0)),
            abi.encodeCall(IEndowment.departInKind, (id, 0))
        ];
        for (uint256 i; i < calls.length; ++i) {
            lying.arm(address(lending), calls[i]);
            vm.assertEq(lending.harvest(id), 1, "what was paid");
            vm.assertTrue(!lying.succeeded(), "went in");
            bytes4 guarded = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
            vm.assertEq(bytes32(lying.reason()), bytes32(guarded), "guarded");
        }
        _victimsAreWhole();
    }

    // --------------------------------------------------------------------------------------------- sequences

    uint256 private put;
    uint256 private lost;
    uint256 private back;

    /// @dev Another saver's million keeps the price of a share near the few that the bounds below assume.
    function testFuzz_principal_and_yield_and_losses_are_what_went_in_whatever_others_do(uint256 seed) external {
        _endowLying();
        token.mint(owner, 1e6);
        vm.startPrank(owner);
        token.approve(address(vault), 1e6);
        vault.deposit(1e6, owner);
        vm.stopPrank();
        put = token.balanceOf(address(vault));
        for (uint256 i; i < 20; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _step(seed, 100 + (seed >> 16) % 10 ** (1 + (seed >> 128) % 6));
        }
        for (uint256 one = 1; one <= lending.endowments(); ++one) {
            if (one == id) continue;
            _leaveWith(one, false);
            _tryToHarvest(one);
            vm.assertEq(_worth(one), 0, "nothing of an endowment is left");
        }
        vm.assertEq(token.balanceOf(address(lending)), 0, "nothing is stuck in the contract");
        vm.assertEq(back + _given() + lost + token.balanceOf(address(vault)), put, "to the wei");
    }

    function _step(uint256 seed, uint256 amount) private {
        uint256 one = 1 + (seed >> 8) % lending.endowments();
        uint256[2][] memory had = _all();
        if (seed % 8 == 0) {
            _gain(amount);
            put += amount;
        } else if (seed % 8 == 1) {
            vault.lose(amount / 4);
            lost += amount / 4;
        } else {
            if (seed % 8 == 2) _endowSome(amount);
            else if (one == id) _tryToLie(seed >> 160);
            else if (seed % 8 < 6) _tryToHarvest(one);
            else _leaveWith(one, seed % 8 == 7);
            _othersHaveWhatTheyHad(had, one);
        }
    }

    /// @dev Shares and worth of each endowment in the honest vault.
    function _all() private view returns (uint256[2][] memory all) {
        all = new uint256[2][](lending.endowments() + 1);
        uint256 sum;
        for (uint256 one = 1; one < all.length; ++one) {
            if (one == id) continue;
            all[one] = [uint256(lending.endowmentOf(one).shares), _worth(one)];
            sum += all[one][0];
        }
        vm.assertEq(vault.balanceOf(address(lending)), sum, "every share is someone's, and there");
    }

    function _othersHaveWhatTheyHad(uint256[2][] memory had, uint256 except) private view {
        uint256[2][] memory have = _all();
        for (uint256 one = 1; one < had.length; ++one) {
            if (one == except) continue;
            vm.assertEq(have[one][0], had[one][0], "shares");
            vm.assertGe(have[one][1], had[one][1], "worth");
            vm.assertLe(have[one][1], had[one][1] + 1 + had[one][1] / 500_000, "all but the vault's rounding");
        }
    }

    function _endowSome(uint256 amount) private {
        _endow(amount % 2 == 0 ? holder : otherHolder, amount);
        put += amount;
    }

    function _tryToLie(uint256 seed) private {
        _lie(0, 0, seed % 60, seed % 200, (seed >> 8) % 4, (seed >> 16) % 20);
        try lending.harvest(id) {} catch {}
    }

    function _tryToHarvest(uint256 one) private {
        uint256 before = _given();
        try lending.harvest(one) returns (uint256 amount) {
            vm.assertEq(_given() - before, amount, "the fund has it");
            vm.assertGe(_worth(one), lending.endowmentOf(one).principal, "the principal is covered");
        } catch (bytes memory reason) {
            bool nothing = bytes4(reason) == IEndowment.NothingToHarvest.selector;
            vm.assertTrue(nothing || bytes4(reason) == IRedundancyFund.ZeroAmount.selector, "failed otherwise");
        }
    }

    function _leaveWith(uint256 one, bool inKind) private {
        IEndowment.Holding memory h = lending.endowmentOf(one);
        if (h.principal == 0) return;
        uint256 worth = _worth(one);
        uint256 due = worth < h.principal ? worth : h.principal;
        _ready(h.holder, one);
        if (!inKind) {
            vm.assertEq(_depart(h.holder, one, due), due, "the principal, or what is left of it");
            back += due;
        } else {
            uint256 shares = _departInKind(h.holder, one, 0);
            vm.prank(h.holder);
            uint256 redeemed = vault.redeem(shares, h.holder, h.holder);
            vm.assertGe(redeemed, due, "shares for it");
            back += redeemed;
        }
    }
}
