// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Logic} from "./Logic.sol";

/// @notice A well-behaved token that may refuse any receiver: it moves exactly what it is told, or nothing.
/// @dev It asks for no allowance and no signature; whose money it may move is the token's business, not the channels'.
contract ProofToken {
    using Logic for bool;

    mapping(address owner => uint256 amount) public balanceOf;
    mapping(address receiver => bool refused) public refuses;

    /// @notice Lets an account have so much.
    function set(address owner, uint256 amount) external {
        balanceOf[owner] = amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _move(from, to, amount);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 amount,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _move(from, to, amount);
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
        _move(from, to, amount);
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {}

    /// @dev Without a branch: a proof's paths would double with each.
    function _move(address from, address to, uint256 amount) private returns (bool done) {
        done = (!refuses[to]).and(balanceOf[from] >= amount);
        uint256 moved = done.times(amount);
        unchecked {
            balanceOf[from] -= moved;
            balanceOf[to] += moved;
        }
    }
}
