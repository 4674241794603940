// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IWrappedNative} from "../interfaces/IWrappedNative.sol";

/// @title Wrapped native coin for development chains; public networks have their own.
contract WrappedNative is ERC20("Wrapped Ether", "WETH"), IWrappedNative {
    error SendFailed();

    receive() external payable {
        deposit();
    }

    function deposit() public payable {
        _mint(msg.sender, msg.value);
    }

    function withdraw(uint256 amount) external {
        _burn(msg.sender, amount);
        (bool sent,) = msg.sender.call{value: amount}("");
        require(sent, SendFailed());
    }
}
