// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Authorization, Channel, Permit} from "../../../contracts/types/ChannelTypes.sol";
import {ChannelsTest} from "../ChannelsTest.sol";
import {DepositToken} from "../mocks/DepositTokens.sol";

/// @notice What a token can do in the three functions that only deposits call: credit is given for exactly what arrives,
///         or there is no deposit, and nothing costs more than a block's gas.
contract DepositTokensTest is ChannelsTest {
    uint256 private constant GAS = 30_000_000;

    DepositToken private _token;

    function setUp() public override {
        super.setUp();
        _token = new DepositToken();
        _token.mint(payer.addr, 10_000);
        vm.prank(payer.addr);
        _token.approve(address(channels), type(uint256).max);
        open(channelOf(), 100, 0);
    }

    modifier inEveryManner(DepositToken.Place place) {
        for (uint256 manner = 1; manner <= uint256(type(DepositToken.Manner).max); ++manner) {
            uint256 snapshot = vm.snapshotState();
            _token.choose(DepositToken.Manner(manner), place);
            _;
            vm.revertToState(snapshot);
        }
    }

    /// @dev Whatever becomes of the permit: what is allowed is taken.
    function test_WhateverAPermitDoes_TheAllowanceIsTaken() public inEveryManner(DepositToken.Place.Permit) {
        (bool accepted,) =
            deposits(abi.encodeCall(channels.depositWithPermit, (channelOf(), false, 10, Permit(0, 0, 0, 0))));

        assertTrue(accepted);
    }

    function test_WhateverAPermitDoes_NothingIsTakenWithoutAllowance() public inEveryManner(DepositToken.Place.Permit) {
        vm.prank(payer.addr);
        _token.approve(address(channels), 9);

        (bool accepted, DepositToken.Manner manner) =
            deposits(abi.encodeCall(channels.depositWithPermit, (channelOf(), false, 10, Permit(0, 0, 0, 0))));

        // A permit that returned, however much, has been given; one that reverted has not.
        bool returned = manner == DepositToken.Manner.ReturnsBomb || manner == DepositToken.Manner.ReturnsLittle;
        assertEq(accepted, returned);
    }

    function test_WhateverAnAuthorizationDoes_CreditIsForWhatArrives()
        public
        inEveryManner(DepositToken.Place.ReceiveWithAuthorization)
    {
        Authorization memory authorization = Authorization(0, 0, 0, "wallet");
        (bool accepted, DepositToken.Manner manner) =
            deposits(abi.encodeCall(channels.depositWithAuthorization, (channelOf(), false, 10, authorization)));

        bool returned = manner == DepositToken.Manner.ReturnsBomb || manner == DepositToken.Manner.ReturnsLittle;
        assertEq(accepted, returned);
    }

    function test_WhateverABalanceDoes_CreditIsForWhatArrives() public inEveryManner(DepositToken.Place.BalanceOf) {
        (bool accepted, DepositToken.Manner manner) =
            deposits(abi.encodeCall(channels.deposit, (channelOf(), false, 10)));

        assertEq(accepted, manner == DepositToken.Manner.ReturnsBomb);
    }

    /// @dev Nothing but a deposit asks for a balance: what came in goes out.
    function test_WhateverABalanceDoes_WhatCameInGoesOut() public inEveryManner(DepositToken.Place.BalanceOf) {
        bytes memory call = abi.encodeCall(channels.close, (channelOf(), 40, signClose(channelOf(), 40)));

        (bool succeeded,) = address(channels).call{gas: GAS}(call);

        assertTrue(succeeded);
        _token.choose(DepositToken.Manner.Honest, DepositToken.Place.BalanceOf);
        assertEq(_token.balanceOf(payee.addr), 40);
        assertEq(_token.balanceOf(payer.addr), 9960);
        assertEq(_token.balanceOf(address(channels)), 0);
    }

    /* HELPERS */

    /// @dev Sends a deposit of 10 by the payer, and checks that it is credited in full or not at all.
    function deposits(bytes memory call) private returns (bool accepted, DepositToken.Manner manner) {
        manner = _token.manner();

        vm.prank(payer.addr);
        (accepted,) = address(channels).call{gas: GAS}(call);

        assertEq(viewOf(channelOf()).payerDeposit, accepted ? 110 : 100);
        _token.choose(DepositToken.Manner.Honest, DepositToken.Place.BalanceOf);
        assertEq(IERC20(_token).balanceOf(address(channels)), accepted ? 110 : 100);
    }

    function channelOf() private view returns (Channel memory channel) {
        channel = twoWay();
        channel.token = address(_token);
    }
}
