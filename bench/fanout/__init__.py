"""What a hall full of viewers costs the server, beside three other servers in the same run."""
