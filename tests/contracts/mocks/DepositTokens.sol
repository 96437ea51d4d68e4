// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token whose functions that only deposits use misbehave in a chosen manner, one of them at a time.
contract DepositToken is ERC20 {
    enum Manner {
        Honest,
        Reverts,
        RevertsWithBomb,
        ReturnsBomb,
        ReturnsLittle,
        BurnsAllGas
    }

    enum Place {
        Permit,
        ReceiveWithAuthorization,
        BalanceOf
    }

    /// @notice How it misbehaves.
    Manner public manner;
    Place private _place;

    constructor() ERC20("Deposit", "DEPOSIT") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function choose(Manner manner_, Place place) external {
        (manner, _place) = (manner_, place);
    }

    function permit(address owner, address spender, uint256 amount, uint256, uint8, bytes32, bytes32) external {
        _approve(owner, spender, amount);
        _misbehave(Place.Permit);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 amount,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _transfer(from, to, amount);
        _misbehave(Place.ReceiveWithAuthorization);
    }

    /// @dev What it returns at length begins with a figure of its own: the truth.
    function balanceOf(address account) public view override returns (uint256) {
        uint256 held = super.balanceOf(account);
        if (_place == Place.BalanceOf && manner == Manner.ReturnsBomb) {
            assembly {
                let free := mload(0x40)
                mstore(free, held)
                return(free, 1000000)
            }
        }
        _misbehave(Place.BalanceOf);
        return held;
    }

    function _misbehave(Place place) private view {
        if (place != _place || manner == Manner.Honest) return;
        if (manner == Manner.Reverts) revert("refused");
        if (manner == Manner.BurnsAllGas) {
            assembly {
                invalid()
            }
        }
        Manner chosen = manner;
        assembly {
            if eq(chosen, 2) { revert(0, 1000000) }
            if eq(chosen, 3) { return(0, 1000000) }
            return(0, 31)
        }
    }
}
