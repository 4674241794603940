// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {DemoToken} from "../../../contracts/dev/DemoToken.sol";

/// @title A token with moods: paused, refusing nothing at all, or keeping a part of each transfer from some day on.
contract MoodyToken is DemoToken("Moody", "MOOD") {
    error Paused();
    error NothingToTransfer();

    bool public paused;
    uint256 public feeBps;

    function setPaused(bool whether) external {
        paused = whether;
    }

    function setFee(uint256 bps) external {
        feeBps = bps;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!paused, Paused());
        require(value > 0, NothingToTransfer());
        uint256 fee = from == address(0) ? 0 : value * feeBps / 10_000;
        super._update(from, to, value - fee);
        if (fee > 0) super._update(from, address(0xfee), fee);
    }
}

/// @title A token that adds a unit to each transfer.
contract GenerousToken is DemoToken("Generous", "GIFT") {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0)) super._update(address(0), to, 1);
    }
}

/// @title A token in whose unit everybody's balance grows or shrinks.
contract RebasingToken {
    uint256 private constant WHOLE = 1e18;
    uint256 public scale = WHOLE;
    mapping(address => uint256) private _parts;
    mapping(address => mapping(address => uint256)) public allowance;

    function setScale(uint256 percent) external {
        scale = WHOLE * percent / 100;
    }

    function balanceOf(address account) public view returns (uint256) {
        return _parts[account] * scale / WHOLE;
    }

    function mint(address to, uint256 amount) external {
        _parts[to] += amount * WHOLE / scale;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        uint256 parts = amount * WHOLE / scale;
        _parts[from] -= parts;
        _parts[to] += parts;
        return true;
    }
}

/// @title A token that does not revert: it returns false, or nothing at all, as its maker likes.
contract QuietToken {
    bool public refuses;
    bool public saysNothing;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function set(bool refuses_, bool saysNothing_) external {
        (refuses, saysNothing) = (refuses_, saysNothing_);
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        if (!refuses) allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        if (!refuses) {
            balanceOf[from] -= amount;
            balanceOf[to] += amount;
        }
        bool moved = !refuses;
        if (saysNothing) return;
        assembly ("memory-safe") {
            mstore(0, moved)
            return(0, 32)
        }
    }
}

/// @title A token with as many decimals as its maker likes.
contract DecimalToken is DemoToken("Decimal", "DEC") {
    uint8 private immutable DECIMALS;

    constructor(uint8 decimals_) {
        DECIMALS = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}

/// @title A token with EIP-2612.
contract PermitToken is DemoToken("Permit", "PERM") {}

/// @title A token without permits.
abstract contract PlainToken is ERC20 {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title A token without permits whose fall-back takes any call in silence, as the wrapped coin of some chains does.
contract PhantomToken is ERC20("Phantom", "PHAN"), PlainToken {
    fallback() external {}
}

/// @title A token whose permit calls back as its maker likes.
contract CallingPermitToken is ERC20("Calling", "CALL"), PlainToken {
    address public target;
    bytes public data;
    bool public succeeded;

    function arm(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        (succeeded,) = target.call(data);
    }
}
