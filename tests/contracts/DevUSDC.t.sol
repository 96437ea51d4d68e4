// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChannelsTest} from "./ChannelsTest.sol";
import {Wallet} from "./mocks/Wallet.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {DevUSDC} from "../../contracts/tokens/DevUSDC.sol";

contract DevUSDCTest is ChannelsTest {
    bytes32 private constant NONCE = keccak256("nonce");

    /* Metadata and owner */

    function test_ItLooksLikeUSDC() public view {
        assertEq(usdc.name(), "USD Coin");
        assertEq(usdc.symbol(), "USDC");
        assertEq(usdc.version(), "2");
        assertEq(usdc.decimals(), 6);
        bytes32 domain = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        assertEq(
            usdc.DOMAIN_SEPARATOR(),
            keccak256(abi.encode(domain, keccak256("USD Coin"), keccak256("2"), block.chainid, address(usdc)))
        );
    }

    function test_RevertWhen_AnybodyElseActsAsOwner() public {
        bytes memory reason = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(reason);
        usdc.mint(stranger, 1);
        vm.expectRevert(reason);
        usdc.setBlacklisted(payer.addr, true);
        vm.expectRevert(reason);
        usdc.setPaused(true);
    }

    function test_WhenBlacklisted_AnAccountNeitherSendsNorReceivesUntilItIsLetAgain() public {
        usdc.setBlacklisted(payer.addr, true);
        bytes memory reason = abi.encodeWithSelector(DevUSDC.Blacklisted.selector, payer.addr);
        vm.expectRevert(reason);
        vm.prank(payer.addr);
        usdc.transfer(payee.addr, 1);
        vm.expectRevert(reason);
        vm.prank(payee.addr);
        usdc.transfer(payer.addr, 1);

        usdc.setBlacklisted(payer.addr, false);
        vm.prank(payer.addr);
        assertTrue(usdc.transfer(payee.addr, 1));
    }

    function test_WhenPaused_NothingMoves() public {
        usdc.setPaused(true);
        vm.expectRevert(DevUSDC.TokenPaused.selector);
        vm.prank(payer.addr);
        usdc.transfer(payee.addr, 1);
    }

    /* EIP-2612 */

    function test_APermitSetsAnAllowanceOnce() public {
        uint256 deadline = block.timestamp;
        bytes32 structHash =
            keccak256(abi.encode(usdc.PERMIT_TYPEHASH(), payer.addr, stranger, 5, usdc.nonces(payer.addr), deadline));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payer, tokenDigest(structHash));

        usdc.permit(payer.addr, stranger, 5, deadline, v, r, s);
        assertEq(usdc.allowance(payer.addr, stranger), 5);

        vm.expectRevert(abi.encodeWithSelector(DevUSDC.InvalidSignature.selector, payer.addr));
        usdc.permit(payer.addr, stranger, 5, deadline, v, r, s);
    }

    function test_RevertWhen_ThePermitExpired() public {
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.PermitExpired.selector, block.timestamp - 1, block.timestamp));
        usdc.permit(payer.addr, stranger, 5, block.timestamp - 1, 27, 0, 0);
    }

    /* EIP-3009 */

    function test_ATransferAuthorizationWorksOnceForAnyCaller() public {
        uint256 before = usdc.balanceOf(payee.addr);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payer, transferDigest(payer.addr));

        vm.startPrank(stranger);
        usdc.transferWithAuthorization(payer.addr, payee.addr, 5, 0, type(uint256).max, NONCE, v, r, s);
        assertEq(usdc.balanceOf(payee.addr), before + 5);
        assertTrue(usdc.authorizationState(payer.addr, NONCE));

        vm.expectRevert(abi.encodeWithSelector(DevUSDC.AuthorizationUsedOrCanceled.selector, payer.addr, NONCE));
        usdc.transferWithAuthorization(
            payer.addr, payee.addr, 5, 0, type(uint256).max, NONCE, abi.encodePacked(r, s, v)
        );
    }

    function test_AWalletSignsWithAnyLength() public {
        address wallet = address(new Wallet("accepted"));
        usdc.mint(wallet, 5);

        vm.expectRevert(abi.encodeWithSelector(DevUSDC.InvalidSignature.selector, wallet));
        usdc.transferWithAuthorization(wallet, payee.addr, 5, 0, type(uint256).max, NONCE, "refused");
        usdc.transferWithAuthorization(wallet, payee.addr, 5, 0, type(uint256).max, NONCE, "accepted");

        assertEq(usdc.balanceOf(wallet), 0);
    }

    function test_RevertWhen_SomebodyElseReceives() public {
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.CallerNotReceiver.selector, stranger, payee.addr));
        vm.prank(stranger);
        usdc.receiveWithAuthorization(payer.addr, payee.addr, 5, 0, type(uint256).max, NONCE, 27, 0, 0);
    }

    function test_RevertWhen_OutsideItsTime() public {
        uint256 now_ = block.timestamp;
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.AuthorizationNotYetValid.selector, now_, now_));
        usdc.transferWithAuthorization(payer.addr, payee.addr, 5, now_, now_ + 1, NONCE, "");
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.AuthorizationExpired.selector, now_, now_));
        usdc.transferWithAuthorization(payer.addr, payee.addr, 5, 0, now_, NONCE, "");
    }

    function test_WhenCancelled_AnAuthorizationIsWorthless() public {
        bytes32 structHash = keccak256(abi.encode(usdc.CANCEL_AUTHORIZATION_TYPEHASH(), payer.addr, NONCE));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payer, tokenDigest(structHash));
        usdc.cancelAuthorization(payer.addr, NONCE, v, r, s);

        (v, r, s) = vm.sign(payer, transferDigest(payer.addr));
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.AuthorizationUsedOrCanceled.selector, payer.addr, NONCE));
        usdc.transferWithAuthorization(payer.addr, payee.addr, 5, 0, type(uint256).max, NONCE, v, r, s);
    }

    function test_WhenAWalletCancels_ItSignsWithAnyLength() public {
        bytes memory accepted = "a wallet's signature, not 65 bytes long";
        address wallet = address(new Wallet(accepted));

        usdc.cancelAuthorization(wallet, NONCE, accepted);

        assertTrue(usdc.authorizationState(wallet, NONCE));
        vm.expectRevert(abi.encodeWithSelector(DevUSDC.AuthorizationUsedOrCanceled.selector, wallet, NONCE));
        usdc.cancelAuthorization(wallet, NONCE, accepted);
    }

    function transferDigest(address from) private view returns (bytes32) {
        bytes32 typehash = usdc.TRANSFER_WITH_AUTHORIZATION_TYPEHASH();
        return tokenDigest(keccak256(abi.encode(typehash, from, payee.addr, 5, 0, type(uint256).max, NONCE)));
    }

    function tokenDigest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), structHash));
    }
}
