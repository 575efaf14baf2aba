"""The demos that wattrace ships: YAML files, and recordings to replay."""
