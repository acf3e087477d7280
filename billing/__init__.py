"""Money: the ledger and everything that moves it. It never learns what a video is."""
