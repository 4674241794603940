"""Which network and country an address is in: packed data from a package registry, and a table of shared platforms."""
