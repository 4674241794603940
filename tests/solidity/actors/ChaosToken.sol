// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DemoToken} from "../../../contracts/dev/DemoToken.sol";

/// @title A token of a hostile maker: it stops, keeps a part, takes what it likes from anyone, and calls back.
contract ChaosToken is DemoToken("Chaos", "CHAOS") {
    error Refused();

    enum Mood {
        Fine,
        Stopped,
        Greedy,
        Calling
    }

    Mood public mood;
    address private _target;
    bytes private _call;
    uint256 public calls;
    uint256 public answered;

    function feel(Mood mood_, address target, bytes calldata call) external {
        (mood, _target, _call) = (mood_, target, call);
    }

    function steal(address from, uint256 amount) external {
        super._update(from, address(0xbad), amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        require(mood != Mood.Stopped || from == address(0), Refused());
        if (mood == Mood.Calling && from != address(0)) {
            ++calls;
            (bool succeeded,) = _target.call(_call);
            if (succeeded) ++answered;
        }
        uint256 fee = mood == Mood.Greedy && from != address(0) ? value / 50 : 0;
        super._update(from, to, value - fee);
        if (fee > 0) super._update(from, address(0xfee), fee);
    }
}
