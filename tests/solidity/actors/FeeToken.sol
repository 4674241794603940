// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DemoToken} from "../../../contracts/dev/DemoToken.sol";

/// @title A token that keeps a hundredth of every transfer.
contract FeeToken is DemoToken("Fee", "FEE") {
    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) ? 0 : value / 100;
        super._update(from, to, value - fee);
        if (fee > 0) super._update(from, address(this), fee);
    }
}
