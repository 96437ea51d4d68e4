// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {ChannelsTest} from "./ChannelsTest.sol";

import {IChannels} from "../../contracts/interfaces/IChannels.sol";
import {Channel, ChannelView} from "../../contracts/types/ChannelTypes.sol";

contract ConstructorTest is ChannelsTest {
    function test_WhenTheBoundsAreGood_ItKeepsThem() public view {
        assertEq(channels.minChallengePeriod(), MIN_PERIOD);
        assertEq(channels.maxChallengePeriod(), MAX_PERIOD);
    }

    function test_WhenTheBoundsAreEqual_ItAcceptsThem() public {
        assertEq(deployChannels(5, 5).maxChallengePeriod(), 5);
    }

    function test_RevertWhen_TheMinimumIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IChannels.InvalidChallengePeriodBounds.selector, 0, 5));
        deployChannels(0, 5);
    }

    function test_RevertWhen_TheBoundsAreEmpty() public {
        vm.expectRevert(abi.encodeWithSelector(IChannels.InvalidChallengePeriodBounds.selector, 6, 5));
        deployChannels(6, 5);
    }

    function test_WhenTheIdIsUnknown_TheViewIsZero() public view {
        ChannelView memory nothing;
        assertEq(abi.encode(channels.getChannel(bytes32(uint256(1)))), abi.encode(nothing));
    }

    function test_ItTakesNoEther() public {
        vm.deal(address(this), 1 ether);
        (bool accepted,) = address(channels).call{value: 1}("");
        assertFalse(accepted);
        (accepted,) = address(channels).call{value: 1}(abi.encodeCall(channels.domainSeparator, ()));
        assertFalse(accepted);
    }

    function test_TheDomainIsPenstockOne() public view {
        (, string memory name, string memory version, uint256 chainId, address contract_,,) =
            IERC5267(address(channels)).eip712Domain();
        assertEq(name, "Penstock");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(contract_, address(channels));
    }

    function test_TheChannelIdIsTheDigestOfItsTerms() public view {
        Channel memory c = twoWay();
        bytes32 typehash = keccak256(
            "Channel(address payer,address payee,address payerSigner,address payeeSigner,address token,uint32 challengePeriod,bool oneWay,uint88 salt)"
        );
        bytes32 structHash = keccak256(
            abi.encode(
                typehash, c.payer, c.payee, c.payerSigner, c.payeeSigner, c.token, c.challengePeriod, c.oneWay, c.salt
            )
        );
        assertEq(channels.channelId(c), digest(structHash));
    }
}
