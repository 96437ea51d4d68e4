// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token whose transfers from and to one victim fail in a chosen manner.
contract VictimToken is ERC20 {
    enum Manner {
        Honest,
        Reverts,
        ReturnsFalse,
        RevertsWithBomb,
        ReturnsBomb,
        BurnsAllGas
    }

    Manner public manner;
    address public victim;

    constructor() ERC20("Victim", "VICTIM") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setManner(Manner manner_, address victim_) external {
        (manner, victim) = (manner_, victim_);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return to == victim ? _misbehave() : super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return from == victim ? _misbehave() : super.transferFrom(from, to, amount);
    }

    function _misbehave() private view returns (bool) {
        if (manner == Manner.ReturnsFalse) return false;
        if (manner == Manner.Reverts) revert("refused");
        if (manner == Manner.BurnsAllGas) {
            assembly {
                invalid()
            }
        }
        bool reverts = manner == Manner.RevertsWithBomb;
        assembly {
            if reverts { revert(0, 1000000) }
            return(0x60, 1000000) // the zero slot first: not `true`
        }
    }
}

/// @notice Takes one unit of every transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(0), 1);
    }
}

/// @notice Sends one unit more than asked for.
contract GenerousToken is ERC20 {
    constructor() ERC20("Generous", "GENEROUS") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0)) super._update(address(0), to, 1);
    }
}

/// @notice Returns nothing from its transfers, as USDT does.
contract NoReturnToken {
    mapping(address => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function approve(address, uint256) external pure {}

    function transferFrom(address from, address to, uint256 amount) external {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Swallows every call that it does not know, as WETH does with `deposit` as its fallback.
contract SilentToken {
    mapping(address => uint256) public balanceOf;

    fallback() external {}
}

/// @notice Calls back whenever its tokens move, with whatever call was planted.
contract ReenteringToken is ERC20 {
    address private _target;
    bytes private _planted;
    /// @notice What the planted call returned.
    bytes public answer;
    /// @notice Whether the planted call succeeded.
    bool public succeeded;

    constructor() ERC20("Reentering", "REENTER") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function plant(address target, bytes calldata planted) external {
        (_target, _planted) = (target, planted);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_target != address(0)) (succeeded, answer) = _target.call(_planted);
    }
}
