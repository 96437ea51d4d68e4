// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IChannels} from "../../../contracts/interfaces/IChannels.sol";
import {Channel, Phase, State} from "../../../contracts/types/ChannelTypes.sol";
import {ChannelsTest} from "../ChannelsTest.sol";

/// @notice The fault of Raiden and Perun: the chain knows a hash of the state, so when both parties lose their data nobody
///         can settle. Here the events hold the terms and the state in full.
contract HistoryTest is ChannelsTest {
    function test_WhenBothPartiesLostTheirData_TheEventsAreEnoughToSettle() public {
        vm.recordLogs();
        open(twoWay(), 100, 50);
        startCloseWith(twoWay(), stateOf(3, 10));
        channels.challenge(twoWay(), lockedState(9, 40, 5, 6), signState(twoWay(), lockedState(9, 40, 5, 6)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        skip(PERIOD);

        Channel memory terms = termsIn(logs);
        State memory state = newestStateIn(logs);
        channels.settle(terms);

        assertPhase(twoWay(), Phase.Settled);
        assertEq(abi.encode(state), abi.encode(lockedState(9, 40, 5, 6)));
        assertEq(viewOf(terms).payerPaid, 100 - 40 - 5);
        assertEq(viewOf(terms).payeePaid, 50 + 40 - 6);
    }

    function termsIn(Vm.Log[] memory logs) private pure returns (Channel memory terms) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IChannels.ChannelOpened.selector) continue;
            (terms,,) = abi.decode(logs[i].data, (Channel, uint96, uint96));
        }
    }

    function newestStateIn(Vm.Log[] memory logs) private pure returns (State memory state) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IChannels.Challenged.selector) state = abi.decode(logs[i].data, (State));
        }
    }
}
