"""The chain side: keys and signatures, the contract's ABI, the follower of blocks and the sender of transactions."""
