// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Test} from "forge-std/Test.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {ChannelHash} from "../../contracts/libraries/ChannelHash.sol";
import {Channel, CloseIntent, State, Withdrawal} from "../../contracts/types/ChannelTypes.sol";

/// @notice Checks the EIP-712 types against pinned typehashes and against the vectors that the Python core checks too.
contract ChannelHashTest is Test {
    string private _json;
    IChannels private _channels;

    function setUp() public {
        _json = vm.readFile("tests/vectors/digests.json");
        vm.chainId(vm.parseJsonUint(_json, ".chainId"));
        address where = vm.parseJsonAddress(_json, ".contract");
        deployCodeTo("Channels.sol:Channels", abi.encode(uint32(1), uint32(10)), where);
        _channels = IChannels(where);
    }

    /// @dev Changing a type voids every signature given under it: these constants change with a new domain version
    /// only.
    function test_TheTypehashesArePinned() public pure {
        assertEq(ChannelHash.CHANNEL_TYPEHASH, 0xa747e20fbf100d6991dc7e805b960cc16ac58d2897c719bfbfb486d4541d37e0);
        assertEq(ChannelHash.STATE_TYPEHASH, 0xcab566cc01e50a98391d93e7184ee0299b3cf8d965c4e35c2614ddd9b067fedf);
        assertEq(ChannelHash.VOUCHER_TYPEHASH, 0x08e27a4f924e3fa229c61b6f59365e229b999af82594558767df61f2b1e29800);
        assertEq(ChannelHash.WITHDRAWAL_TYPEHASH, 0xad8107ed271416bc39eda635b6f80fa6456660f6986c8632db2e598886b721c8);
        assertEq(ChannelHash.CLOSE_TYPEHASH, 0xe8974d7dd9fe695d56e7782a896dfee68fbfef4b8802698c479f12d3cd3fe7a1);
        assertEq(ChannelHash.CLOSE_INTENT_TYPEHASH, 0x642be171584365ce5e9838d81c5f4510494aa82155db8d1e0dc83bca8b2ff48f);
    }

    function test_TheTypehashesAreTheVectors() public view {
        assertEq(ChannelHash.CHANNEL_TYPEHASH, vm.parseJsonBytes32(_json, ".typehashes.Channel"));
        assertEq(ChannelHash.STATE_TYPEHASH, vm.parseJsonBytes32(_json, ".typehashes.State"));
        assertEq(ChannelHash.VOUCHER_TYPEHASH, vm.parseJsonBytes32(_json, ".typehashes.Voucher"));
        assertEq(ChannelHash.WITHDRAWAL_TYPEHASH, vm.parseJsonBytes32(_json, ".typehashes.Withdrawal"));
        assertEq(ChannelHash.CLOSE_TYPEHASH, vm.parseJsonBytes32(_json, ".typehashes.Close"));
        assertEq(ChannelHash.CLOSE_INTENT_TYPEHASH, vm.parseJsonBytes32(_json, ".typehashes.CloseIntent"));
    }

    function test_TheDomainIsTheVectors() public view {
        assertEq(_channels.domainSeparator(), vm.parseJsonBytes32(_json, ".domainSeparator"));
    }

    function test_TheDigestsAreTheVectors() public view {
        uint256 count = casesIn();
        assertGt(count, 0);
        for (uint256 i = 0; i < count; ++i) {
            string memory key = string.concat(".cases[", vm.toString(i), "]");
            bytes32 id = _channels.channelId(readChannel(string.concat(key, ".channel")));
            assertEq(id, vm.parseJsonBytes32(_json, string.concat(key, ".channelId")), key);
            assertDigest(this.hashState(id, readState(string.concat(key, ".state"))), key, ".stateDigest");
            uint128 voucher = uint128(readUint(key, ".voucher.paid"));
            assertDigest(ChannelHash.hashVoucher(id, voucher), key, ".voucherDigest");
            assertDigest(
                this.hashWithdrawal(id, readWithdrawal(string.concat(key, ".withdrawal"))), key, ".withdrawalDigest"
            );
            int128 paid = int128(vm.parseJsonInt(_json, string.concat(key, ".close.paid")));
            assertDigest(ChannelHash.hashClose(id, paid), key, ".closeDigest");
            CloseIntent memory intent = readIntent(string.concat(key, ".closeIntent"));
            assertDigest(this.hashCloseIntent(id, intent), key, ".closeIntentDigest");
        }
    }

    function test_TheVectorsSignaturesAreTheSigners() public view {
        uint256 count = casesIn();
        for (uint256 i = 0; i < count; ++i) {
            string memory key = string.concat(".cases[", vm.toString(i), "]");
            Channel memory channel = readChannel(string.concat(key, ".channel"));
            bytes32 digest = vm.parseJsonBytes32(_json, string.concat(key, ".stateDigest"));
            bytes memory payer = vm.parseJsonBytes(_json, string.concat(key, ".signatures.payer"));
            bytes memory payee = vm.parseJsonBytes(_json, string.concat(key, ".signatures.payee"));
            assertEq(ECDSA.recover(digest, payer), channel.payerSigner, key);
            assertEq(ECDSA.recover(digest, payee), channel.payeeSigner, key);
        }
    }

    /* The library takes calldata, so the tests call it through these. */

    function hashState(bytes32 id, State calldata state) external pure returns (bytes32) {
        return ChannelHash.hashState(id, state);
    }

    function hashWithdrawal(bytes32 id, Withdrawal calldata withdrawal) external pure returns (bytes32) {
        return ChannelHash.hashWithdrawal(id, withdrawal);
    }

    function hashCloseIntent(bytes32 id, CloseIntent calldata intent) external pure returns (bytes32) {
        return ChannelHash.hashCloseIntent(id, intent);
    }

    function assertDigest(bytes32 structHash, string memory key, string memory field) private view {
        bytes32 digest = MessageHashUtils.toTypedDataHash(_channels.domainSeparator(), structHash);
        assertEq(digest, vm.parseJsonBytes32(_json, string.concat(key, field)), string.concat(key, field));
    }

    function casesIn() private view returns (uint256 count) {
        while (vm.keyExistsJson(_json, string.concat(".cases[", vm.toString(count), "]"))) ++count;
    }

    function readChannel(string memory key) private view returns (Channel memory) {
        return Channel({
            payer: vm.parseJsonAddress(_json, string.concat(key, ".payer")),
            payee: vm.parseJsonAddress(_json, string.concat(key, ".payee")),
            payerSigner: vm.parseJsonAddress(_json, string.concat(key, ".payerSigner")),
            payeeSigner: vm.parseJsonAddress(_json, string.concat(key, ".payeeSigner")),
            token: vm.parseJsonAddress(_json, string.concat(key, ".token")),
            challengePeriod: uint32(readUint(key, ".challengePeriod")),
            oneWay: vm.parseJsonBool(_json, string.concat(key, ".oneWay")),
            salt: uint88(readUint(key, ".salt"))
        });
    }

    function readState(string memory key) private view returns (State memory) {
        return State({
            sequence: uint64(readUint(key, ".sequence")),
            paid: int128(vm.parseJsonInt(_json, string.concat(key, ".paid"))),
            payerLocked: uint128(readUint(key, ".payerLocked")),
            payeeLocked: uint128(readUint(key, ".payeeLocked")),
            locksRoot: vm.parseJsonBytes32(_json, string.concat(key, ".locksRoot"))
        });
    }

    function readWithdrawal(string memory key) private view returns (Withdrawal memory) {
        return Withdrawal({
            payerTotal: uint128(readUint(key, ".payerTotal")),
            payeeTotal: uint128(readUint(key, ".payeeTotal")),
            deadline: uint64(readUint(key, ".deadline"))
        });
    }

    function readIntent(string memory key) private view returns (CloseIntent memory) {
        return
            CloseIntent({
                minSequence: uint64(readUint(key, ".minSequence")), deadline: uint64(readUint(key, ".deadline"))
            });
    }

    function readUint(string memory key, string memory field) private view returns (uint256) {
        return vm.parseJsonUint(_json, string.concat(key, field));
    }
}
