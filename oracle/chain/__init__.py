"""The only web3: a connection, typed calls and transactions of our contracts, and their events decoded."""
