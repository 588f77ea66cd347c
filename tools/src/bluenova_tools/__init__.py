"""What a person runs by hand: simulator, replay, watch and demo."""
