// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Channel, CloseIntent, State, Withdrawal} from "../types/ChannelTypes.sol";

/// @title ChannelHash
/// @notice The EIP-712 types of Penstock and their struct hashes: one type per message, so that no signature can be
///         taken for another. The domain is added by the contract.
library ChannelHash {
    bytes32 internal constant CHANNEL_TYPEHASH = keccak256(
        "Channel(address payer,address payee,address payerSigner,address payeeSigner,address token,uint32 challengePeriod,bool oneWay,uint88 salt)"
    );
    bytes32 internal constant STATE_TYPEHASH = keccak256(
        "State(bytes32 channelId,uint64 sequence,int128 paid,uint128 payerLocked,uint128 payeeLocked,bytes32 locksRoot)"
    );
    bytes32 internal constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint128 paid)");
    bytes32 internal constant WITHDRAWAL_TYPEHASH =
        keccak256("Withdrawal(bytes32 channelId,uint128 payerTotal,uint128 payeeTotal,uint64 deadline)");
    bytes32 internal constant CLOSE_TYPEHASH = keccak256("Close(bytes32 channelId,int128 paid)");
    bytes32 internal constant CLOSE_INTENT_TYPEHASH =
        keccak256("CloseIntent(bytes32 channelId,uint64 minSequence,uint64 deadline)");

    // The structs below hold static members only, so `abi.encode` lays them out inline, as EIP-712 wants it.

    function hashChannel(Channel calldata channel) internal pure returns (bytes32) {
        return keccak256(abi.encode(CHANNEL_TYPEHASH, channel));
    }

    function hashState(bytes32 channelId, State calldata state) internal pure returns (bytes32) {
        return keccak256(abi.encode(STATE_TYPEHASH, channelId, state));
    }

    function hashVoucher(bytes32 channelId, uint128 paid) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, paid));
    }

    function hashWithdrawal(bytes32 channelId, Withdrawal calldata withdrawal) internal pure returns (bytes32) {
        return keccak256(abi.encode(WITHDRAWAL_TYPEHASH, channelId, withdrawal));
    }

    function hashClose(bytes32 channelId, int128 paid) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSE_TYPEHASH, channelId, paid));
    }

    function hashCloseIntent(bytes32 channelId, CloseIntent calldata intent) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSE_INTENT_TYPEHASH, channelId, intent));
    }
}
