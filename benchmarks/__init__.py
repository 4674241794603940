"""What the project costs and how well it judges, measured; each module is run by itself."""
