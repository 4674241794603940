"""Everything on one machine: a chain, an application, mirrors and the people around them."""
