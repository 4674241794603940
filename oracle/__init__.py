"""The engine: measures mirrors, agrees on weights, and posts the report that pays them."""
