// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A plain token with any number of decimals.
contract DecimalsToken is ERC20 {
    uint8 private immutable _decimals;

    constructor(uint8 decimals_) ERC20("Decimals", "DEC") {
        _decimals = decimals_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}

/// @notice Transfers honestly and says so at length: `true`, then a megabyte of nothing.
contract TalkativeToken is DecimalsToken {
    constructor() DecimalsToken(6) {}

    function transfer(address to, uint256 amount) public override returns (bool) {
        return _talk(super.transfer(to, amount));
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return _talk(super.transferFrom(from, to, amount));
    }

    function _talk(bool succeeded) private pure returns (bool) {
        assembly {
            let free := mload(0x40)
            mstore(free, succeeded)
            return(free, 1000000)
        }
    }
}

/// @notice Changes every balance at once, as staked ether does: an account owns shares, each worth `factor` halves.
contract RebasingToken {
    uint256 public factor = 2;
    mapping(address account => uint256) private _shares;

    function setFactor(uint256 factor_) external {
        factor = factor_;
    }

    function mint(address to, uint256 amount) external {
        _shares[to] += amount * 2 / factor;
    }

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _move(from, to, amount);
    }

    function balanceOf(address account) external view returns (uint256) {
        return _shares[account] * factor / 2;
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        uint256 shares = amount * 2 / factor;
        _shares[from] -= shares;
        _shares[to] += shares;
        return true;
    }
}
