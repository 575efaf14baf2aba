"""How true the joules are: wattrace and its peers on one fake device whose energy is known exactly."""
