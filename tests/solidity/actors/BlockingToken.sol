// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DemoToken} from "../../../contracts/dev/DemoToken.sol";

/// @title A token that moves nothing to or from whom it has blocked.
contract BlockingToken is DemoToken("Blocking", "BLOCK") {
    error Blocked(address account);

    mapping(address account => bool) public blocked;

    function block_(address account, bool whether) external {
        blocked[account] = whether;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!blocked[to], Blocked(to));
        require(!blocked[from], Blocked(from));
        super._update(from, to, value);
    }
}
