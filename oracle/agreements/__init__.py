"""What the members of a committee agree to by files that go round them: taking on a fund, and who signs after them."""
