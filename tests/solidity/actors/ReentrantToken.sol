// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DemoToken} from "../../../contracts/dev/DemoToken.sol";

/// @title A token that calls back in the midst of a transfer, as its maker likes.
contract ReentrantToken is DemoToken("Reentrant", "RE") {
    address private _target;
    bytes private _call;
    bool public succeeded;
    bytes public reason;

    function arm(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (_target != address(0)) {
            address target = _target;
            _target = address(0);
            (succeeded, reason) = target.call(_call);
        }
        super._update(from, to, value);
    }
}
