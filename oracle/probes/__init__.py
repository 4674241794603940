"""The prober: asks mirrors for files over fresh connections and says what came back."""
