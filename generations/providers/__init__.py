"""Our side as the client of each upstream. Adapters translate and raise; they never see a row."""
