// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DemoToken} from "../../../contracts/dev/DemoToken.sol";
import {IOracleCommittee} from "../../../contracts/interfaces/IOracleCommittee.sol";
import {IRedundancyFund} from "../../../contracts/interfaces/IRedundancyFund.sol";

/// @title The cheatcodes of halmos that these proofs use.
interface Prover {
    function assume(bool) external;
    function getCode(string calldata) external view returns (bytes memory);
    function load(address, bytes32) external view returns (bytes32);
    function prank(address) external;
    function store(address, bytes32, bytes32) external;
    function warp(uint256) external;
}

/// @title Halmos' own: all of an account's storage becomes anything.
interface SymbolicVm {
    function enableSymbolicStorage(address) external;
}

/// @title A committee that says whatever it was told to: any outcome, any root. Whatever a real one did is among it.
contract CommitteeStub {
    IOracleCommittee.Outcome private _outcome;
    bytes32 private _root;

    function tell(IOracleCommittee.Outcome outcome_, bytes32 root_) external {
        (_outcome, _root) = (outcome_, root_);
    }

    function clock() external pure returns (IOracleCommittee.Clock memory) {
        return IOracleCommittee.Clock(0, 1 days, 1 days, 6 hours, 12 hours);
    }

    function outcomeFor(uint256, uint256, address, uint256) external view returns (IOracleCommittee.Outcome, bytes32) {
        return (_outcome, _root);
    }

    function feeRecipient(uint256) external view returns (address) {
        return address(this);
    }

    function useAcceptance(uint256, bytes32) external {}
}

/// @title The real contract with one fund, all of whose money is there, and three mirrors; epoch 1 is over and funded.
abstract contract Symbolic {
    Prover internal constant vm = Prover(address(uint160(uint256(keccak256("hevm cheat code")))));
    SymbolicVm internal constant svm = SymbolicVm(address(uint160(uint256(keccak256("svm cheat code")))));
    uint256 internal constant FUND = 1;
    uint256 internal constant ONE = 1e9;
    uint256 internal constant TODAY = 1_000;
    uint256 internal constant REWARD = 1e18;
    /// @dev Of the contract's mappings; `_word` is read back by the proofs, so a wrong one fails them.
    uint256 internal constant SEGMENTS = 6;
    uint256 internal constant CREDITS = 14;

    CommitteeStub internal committee;
    DemoToken internal token;
    IRedundancyFund internal book;
    address internal arbiter = address(0xa4b17e4);

    function setUp() public virtual {
        vm.warp(1 days / 2);
        committee = new CommitteeStub();
        token = new DemoToken("Demo Dollar", "DEMO");
        IRedundancyFund.Terms memory terms = IRedundancyFund.Terms(3, 6, 3, 3, 2, 4);
        bytes memory arguments = abi.encode(committee, token, terms);
        book = IRedundancyFund(_create("RedundancyFund.sol:RedundancyFund", arguments));
        book.createFund(
            IRedundancyFund.NewFund({
                token: address(token),
                offer: IRedundancyFund.Offer(uint96(REWARD), 3, 500, 1),
                minStake: 0,
                slashing: IRedundancyFund.Slashing(arbiter, 2_000, 5_000),
                app: "notes",
                policy: "{}",
                release: "release",
                releaseUrl: "https://notes.example"
            })
        );
        token.mint(address(this), type(uint96).max);
        token.approve(address(book), type(uint96).max);
        book.topUp(FUND, type(uint96).max);
        book.register(FUND, "https://1.example", address(1), 0, 0);
        book.register(FUND, "https://2.example", address(2), 0, 0);
        book.register(FUND, "https://3.example", address(3), 0, 0);
        vm.warp(2 days + 1 days / 2);
        book.settle(FUND, new IRedundancyFund.Reveal[](0));
    }

    function _create(string memory name, bytes memory arguments) private returns (address created) {
        bytes memory code = bytes.concat(vm.getCode(name), arguments);
        assembly ("memory-safe") {
            created := create(0, add(code, 32), mload(code))
        }
        assert(created != address(0));
    }

    /// @dev It is decided which epochs of the fund are owed, up to today: anyone brings that about by settling nothing.
    function _decided(uint256 fund) internal {
        vm.assume(book.fundOf(fund).accrued > TODAY);
    }

    /// @dev The contract's whole storage becomes anything. The time need not: all that it is compared with is stored.
    function _forget() internal {
        vm.warp(TODAY * 1 days + 12 hours);
        svm.enableSymbolicStorage(address(book));
    }

    function _slot(uint256 mapping_, uint256 key) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(key, mapping_)));
    }

    /// @dev The two halves of credit of positions 0 and 1 (`pair` 0), or 2 and 3.
    function _pair(uint256 pair) internal pure returns (bytes32) {
        return bytes32(_slot(CREDITS, FUND) + pair);
    }

    function _segment(uint256 segment) internal pure returns (bytes32) {
        return keccak256(abi.encode(segment, _slot(SEGMENTS, FUND)));
    }
}
