// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The few cheatcodes these tests use; Hardhat's runner and forge both know them.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function assertEq(address, address, string calldata) external pure;
    function assertEq(bytes32, bytes32, string calldata) external pure;
    function assertEq(int256, int256, string calldata) external pure;
    function assertEq(uint256, uint256, string calldata) external pure;
    function assertGe(int256, int256, string calldata) external pure;
    function assertGe(uint256, uint256, string calldata) external pure;
    function assertLe(int256, int256, string calldata) external pure;
    function assertLe(uint256, uint256, string calldata) external pure;
    function assertTrue(bool, string calldata) external pure;
    function chainId(uint256) external;
    function deal(address, uint256) external;
    function etch(address, bytes calldata) external;
    function expectEmit() external;
    function expectRevert(bytes calldata) external;
    function expectRevert(bytes4) external;
    function getCode(string calldata) external view returns (bytes memory);
    function keyExistsJson(string calldata, string calldata) external view returns (bool);
    function parseJsonAddress(string calldata, string calldata) external pure returns (address);
    function parseJsonAddressArray(string calldata, string calldata) external pure returns (address[] memory);
    function parseJsonBool(string calldata, string calldata) external pure returns (bool);
    function parseJsonBytes(string calldata, string calldata) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata, string calldata) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata, string calldata) external pure returns (bytes32[] memory);
    function parseJsonString(string calldata, string calldata) external pure returns (string memory);
    function parseJsonUint(string calldata, string calldata) external pure returns (uint256);
    function parseJsonUintArray(string calldata, string calldata) external pure returns (uint256[] memory);
    function prank(address) external;
    function readFile(string calldata) external view returns (string memory);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function startPrank(address) external;
    function stopPrank() external;
    function toString(uint256) external pure returns (string memory);
    function warp(uint256) external;
}

/// @title What a test contract needs from its runner.
abstract contract TestBase {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public constant IS_TEST = true;
    address[] private _targets;

    function targetContracts() public view returns (address[] memory) {
        return _targets;
    }

    function _target(address target) internal {
        _targets.push(target);
    }

    /// @dev A value between `low` and `high`, both included; a value that is there already stays itself.
    function _bound(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        if (x >= low && x <= high) return x;
        uint256 size = high - low + 1;
        return size == 0 ? x : low + x % size;
    }

    /// @dev From the artifact: a test that said `new` would have the compiler optimize the contract once more.
    function _create(string memory name, bytes memory arguments) internal returns (address created) {
        bytes memory code = bytes.concat(vm.getCode(name), arguments);
        assembly ("memory-safe") {
            created := create(0, add(code, 32), mload(code))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
