// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IChannels} from "../interfaces/IChannels.sol";
import {IReceiveWithAuthorization} from "../interfaces/IReceiveWithAuthorization.sol";
import {Authorization, Permit} from "../types/ChannelTypes.sol";

/// @title Incoming
/// @notice Brings the tokens of a deposit into this contract, by allowance, permit or authorization, and reverts unless
///         exactly `amount` arrives.
library Incoming {
    using SafeERC20 for IERC20;

    uint256 private constant ECDSA_SIGNATURE_LENGTH = 65;

    /// @notice Takes `amount` from the caller, who has allowed it.
    function take(address token, uint256 amount) internal {
        uint256 expected = _balance(token) + amount;
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _requireBalance(token, expected);
    }

    /// @notice Takes `amount` from the caller, who has signed a permit for it (EIP-2612).
    function takeWithPermit(address token, uint256 amount, Permit calldata permit) internal {
        IERC20Permit permitting = IERC20Permit(token);
        // Somebody may have sent the permit first: then the allowance is there. If it is not, taking fails.
        // solhint-disable-next-line no-empty-blocks
        try permitting.permit(msg.sender, address(this), amount, permit.deadline, permit.v, permit.r, permit.s) {}
            catch {} // solhint-disable-line no-empty-blocks
        take(token, amount);
    }

    /// @notice Takes `amount` from `from`, who has signed for it (EIP-3009).
    function takeWithAuthorization(
        address token,
        address from,
        uint256 amount,
        bytes32 nonce,
        Authorization calldata authorization
    ) internal {
        uint256 expected = _balance(token) + amount;
        _receive(token, from, amount, nonce, authorization);
        _requireBalance(token, expected);
    }

    function _receive(address token, address from, uint256 amount, bytes32 nonce, Authorization calldata authorization)
        private
    {
        bytes calldata signature = authorization.signature;
        IReceiveWithAuthorization receiver = IReceiveWithAuthorization(token);
        if (signature.length == ECDSA_SIGNATURE_LENGTH) {
            (bytes32 r, bytes32 s, uint8 v) =
                (bytes32(signature[0:32]), bytes32(signature[32:64]), uint8(signature[64]));
            receiver.receiveWithAuthorization(
                from, address(this), amount, authorization.validAfter, authorization.validBefore, nonce, v, r, s
            );
        } else {
            receiver.receiveWithAuthorization(
                from, address(this), amount, authorization.validAfter, authorization.validBefore, nonce, signature
            );
        }
    }

    function _requireBalance(address token, uint256 expected) private view {
        uint256 actual = _balance(token);
        if (actual != expected) revert IChannels.UnexpectedBalance(expected, actual);
    }

    function _balance(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }
}
